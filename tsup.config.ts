import { defineConfig, type Options } from 'tsup';

const library = {
  index: 'src/index.ts',
  testing: 'src/testing/index.ts',
  opentelemetry: 'src/telemetry/opentelemetry.ts',
  prometheus: 'src/telemetry/prometheus.ts',
};

const common: Options = { platform: 'node', target: 'node20', outDir: 'dist', sourcemap: false, treeshake: true };

// Three passes: the ES modules share chunks with the command, CommonJS has no command, and the types are bundled once for both.
export default defineConfig([
  { ...common, entry: { ...library, cli: 'src/cli/main.ts' }, format: 'esm', splitting: true, shims: false },
  { ...common, entry: library, format: 'cjs', splitting: false, shims: true },
  { ...common, entry: library, format: ['esm', 'cjs'], dts: { only: true } },
]);
