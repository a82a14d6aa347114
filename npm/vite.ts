/**
 * A plugin for Vite 5 and later: pages that it builds preload what gatepass needs, beside the app's script and not after it.
 * @module gatepass/vite
 */

/** Options of {@link gatepass}. */
export interface GatepassPluginOptions {
  /** Whether sessions of the app have a `store` or `restore`, whose script is then preloaded, too. @default true */
  store?: boolean;
}

/** A tag of a page, as Vite takes it. */
export interface PreloadTag {
  /** Always a link. */
  tag: 'link';
  /** Its attributes. */
  attrs: Record<string, string | boolean>;
  /** In the head. */
  injectTo: 'head';
}

/** A file that a build writes, as far as it matters here. */
export interface BuiltFile {
  /** A script or anything else. */
  type: 'chunk' | 'asset';
  /** Where it is written. */
  fileName: string;
  /** Where an asset was. */
  originalFileNames?: string[];
  /** The modules of a script. */
  moduleIds?: string[];
  /** The scripts that a script begins with. */
  imports?: string[];
}

/** The plugin, as far as Vite calls it. */
export interface GatepassPlugin {
  /** Its name. */
  name: string;
  /** A development server needs none of it. */
  apply: 'build';
  /** Vite tells the base of all addresses. */
  configResolved(config: { base: string }): void;
  /** Writes the tags into a page. */
  transformIndexHtml: {
    /** After the names of all files are known. */
    order: 'post';
    /** Returns the tags. */
    handler(
      html: string,
      page: { path: string; bundle?: Record<string, BuiltFile> | undefined; chunk?: BuiltFile | undefined },
    ): PreloadTag[];
  };
}

/**
 * Makes the plugin: `defineConfig({ plugins: [gatepass()] })`. It writes `<link rel="preload">` for the wasm and `<link rel="modulepreload">` for the script of
 * stores into the pages of a build (HTML, `link` types). With `gatepass/inline` there is nothing to preload.
 */
export function gatepass({ store = true }: GatepassPluginOptions = {}): GatepassPlugin {
  let base = '/';
  return {
    name: 'gatepass',
    apply: 'build',
    configResolved: (config) => void (base = config.base),
    transformIndexHtml: {
      order: 'post',
      handler: (html, { path, bundle = {}, chunk }) => {
        const files = Object.values(bundle);
        const scripts = chunk ? withImports(chunk, bundle) : [];
        const isOf = (files: BuiltFile[], name: string) =>
          files.find(({ moduleIds = [] }) => moduleIds.some((id) => isOurs(id, name)));
        // A page that begins without gatepass needs none of it, and one with the wasm inside no other.
        if (!isOf(scripts, 'load.js')) return [];
        const wasm = isOf(scripts, 'wasm-inline.js')
          ? undefined
          : files.find(({ originalFileNames = [] }) => originalFileNames.some((name) => isOurs(name, 'core_bg.wasm')));
        const tabs = store ? isOf(files, 'tabs.js') : undefined;
        // A relative base is that of each page.
        const root = ['', './'].includes(base) ? '../'.repeat(path.split('/').length - 2) || './' : base;
        const tag = (file: BuiltFile, attrs: Record<string, string | boolean>): PreloadTag => ({
          tag: 'link',
          attrs: { ...attrs, crossorigin: true, href: `${root}${file.fileName}` },
          injectTo: 'head',
        });
        return [
          ...(wasm ? [tag(wasm, { rel: 'preload', as: 'fetch', type: 'application/wasm' })] : []),
          // What is in a script of the page comes with that.
          ...(tabs && !html.includes(tabs.fileName) ? [tag(tabs, { rel: 'modulepreload' })] : []),
        ];
      },
    },
  };
}

/** A script, and those that it begins with. */
function withImports(chunk: BuiltFile, bundle: Record<string, BuiltFile>, found = new Set<BuiltFile>()): BuiltFile[] {
  if (!found.has(chunk)) {
    found.add(chunk);
    for (const name of chunk.imports ?? []) if (bundle[name]) withImports(bundle[name], bundle, found);
  }
  return [...found];
}

/** The folder of this file, in which the others lie. */
const FOLDER = decodeURIComponent(new URL('.', import.meta.url).pathname).replace(/^\/(?=[A-Za-z]:)/, '');

/** Whether a path, perhaps within the project, is that of a file of gatepass. Others have a `tabs.js`, too. */
function isOurs(path: string, name: string): boolean {
  const [file] = path.replaceAll('\\', '/').split('?');
  return file === FOLDER + name || file!.endsWith(`gatepass/pkg/${name}`);
}
