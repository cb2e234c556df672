/** Where most of what is mutated stands, and the settings in which some of it shows itself. */
export const K = 'src/executors/kubernetes';
export const L = 'src/launch';
export const H1 = [{ hosts: 1, steps: 1_000 }];
export const H3 = [{ hosts: 3, steps: 1_000 }];
