/** Where most of what is mutated stands, and the one setting in which some of it shows itself. */
export const K = 'src/executors/kubernetes';
export const L = 'src/launch';
export const H3 = [{ hosts: 3, steps: 1_000 }];
