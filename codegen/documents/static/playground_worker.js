// Runs the engine: Pyodide, and in it the packages of packages.zip.
import { loadPyodide } from "./pyodide/pyodide.mjs";

const engine = (async () => {
  postMessage({ stage: "loading Python" });
  const packages = fetch("packages.zip");
  const python = await loadPyodide({ indexURL: new URL("pyodide/", import.meta.url).href });
  postMessage({ stage: "loading the engine" });
  const found = await packages;
  if (!found.ok) throw new Error(`packages.zip: ${found.status} ${found.statusText}`);
  python.unpackArchive(await found.arrayBuffer(), "zip", { extractDir: "/packages" });
  python.runPython("import sys; sys.path.insert(0, '/packages')");
  return python.pyimport("rot180.codegen.documents.playground");
})();

const plain = { dict_converter: Object.fromEntries };

onmessage = async ({ data }) => {
  try {
    const found = (await engine).derive_page(data, (part) => postMessage(part.toJs(plain)));
    found.destroy();
    postMessage({ done: true });
  } catch (error) {
    postMessage({ broken: `The engine has stopped: ${error.message}` });
  }
};
engine.then(() => postMessage({ ready: true }),
  (error) => postMessage({ broken: `The engine could not be loaded: ${error.message}` }));
