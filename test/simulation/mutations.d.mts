/** One text in one file, and what to put instead. */
export interface Edit {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** A way to break the promises. */
export interface Mutation extends Edit {
  readonly name: string;
  /** What else is to be taken away, where a promise is kept in more than one place. */
  readonly and?: readonly Edit[];
  /** Simulations that are to find it. */
  readonly in?: readonly { readonly hosts: number; readonly steps: number }[];
}

export const mutations: readonly Mutation[];
