import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync } from "node:zlib";

import { gzipAsync } from "@gfx/zopfli";
import vue from "@vitejs/plugin-vue";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const PAGE = resolve(HERE, "../page");
/** Below this a packed file saves no packet of the network. */
const WORTH_PACKING_BYTES = 600;

/** Packs each file of the page once, at the build, so that the manager never has to. */
function packed(): Plugin {
  return {
    name: "packed",
    apply: "build",
    async closeBundle() {
      let total = 0;
      for (const name of readdirSync(PAGE, { recursive: true }) as string[]) {
        if (!/\.(js|css|html|svg)$/.test(name)) continue;
        const path = join(PAGE, name);
        const plain = readFileSync(path);
        const small = await gzipAsync(plain, { numiterations: 15 });
        total += small.length;
        if (plain.length < WORTH_PACKING_BYTES) continue;
        writeFileSync(`${path}.gz`, small);
        // Browsers take it over TLS, and from their own computer.
        writeFileSync(`${path}.br`, brotliCompressSync(plain));
      }
      console.log(`The page packed, in all languages: ${(total / 1024).toFixed(1)} KiB`);
    },
  };
}

/** Takes the names out of components, which only tools for developers ask for. */
function nameless(): Plugin {
  return {
    name: "nameless",
    apply: "build",
    transform(code, id) {
      // Whoever shows himself is found by his name.
      if (!/\.vue(\?|$)/.test(id) || code.includes("resolveComponent")) return undefined;
      return { code: code.replace(/^\s*__name: ["']\w+["'],$/m, ""), map: null };
    },
  };
}

/**
 * What is packed together packs smaller: all that most views use is one file, and what is
 * seldom opened goes with its like.
 */
function together(id: string): string | undefined {
  const path = id.replace(/\\/g, "/").replace(/\?.*$/, "");
  if (/\/node_modules\/uplot\//.test(path) || path.includes("/HistoryChart.vue")) return "chart";
  if (/\/(node_modules|src\/(api|components|i18n\/(compiler|format|index|merged|sentences|templates)|live|shell))/.test(path)) return "base";
  if (/\/src\/(router|session)\.ts$/.test(path)) return "base";
  if (/plugin-vue|vite\/|modulepreload/.test(path)) return "base";
  if (/\/dashboard\/(EvseDetail|SiteHistory|HistoryPanel|StartDialog|LimitDialog)/.test(path)) {
    return "dialogs";
  }
  if (/\/src\/(forms|views\/(settings|charge-points|security|accounts))\//.test(path)) return "care";
  if (/\/src\/views\/(transactions|gateways|trace|tags)\//.test(path)) return "records";
  return undefined;
}

export default defineConfig({
  // Addresses relative to the page, so that it also works below a path of a proxy.
  base: "./",
  plugins: [vue(), nameless(), packed()],
  resolve: { alias: { "@": resolve(HERE, "src") } },
  define: {
    __VUE_OPTIONS_API__: "false",
    __VUE_PROD_DEVTOOLS__: "false",
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "false",
    __VUE_I18N_FULL_INSTALL__: "false",
    __VUE_I18N_LEGACY_API__: "false",
    __INTLIFY_PROD_DEVTOOLS__: "false",
    __INTLIFY_DROP_MESSAGE_COMPILER__: "true",
  },
  build: {
    outDir: PAGE,
    emptyOutDir: true,
    sourcemap: false,
    target: "es2022",
    // A data: address is no 'self' for the Content-Security-Policy.
    assetsInlineLimit: 0,
    cssCodeSplit: true,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    minify: "terser",
    terserOptions: {
      ecma: 2020,
      module: true,
      compress: { passes: 3, unsafe_arrows: true, unsafe_methods: true },
      format: { comments: false },
    },
    rollupOptions: { output: { manualChunks: together } },
  },
  server: {
    proxy: { "/api": { target: process.env.CFOS_CM_URL ?? "http://127.0.0.1:8090" } },
  },
  test: { include: ["tests/**/*.test.ts"] },
});
