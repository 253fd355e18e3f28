//! Package registries under an attacker's control: an index of Python packages and an npm registry with one package.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { python } from "../../scripts/setup/interpreters.mjs";

/** A package whose content an attacker has written. */
export interface HostilePackage {
  name: string;
  /** Path in the archive → text. Paths of wheels and npm archives are taken as they are. */
  files: Record<string, string>;
  /** Path in the archive → target of a symbolic link. */
  links?: Record<string, string>;
  /** Python that a source distribution runs while it is being built; without it the package is a wheel. */
  build?: string;
}

/** What operators pay for a private index; nobody else may read it. */
export const PASSWORD = "hunter2-of-the-operator";

export interface Registry {
  /** The runner's flags for these registries. */
  flags: string[];
  /** The same registries, the index with a password in its address. */
  flagsWithPassword: string[];
  /** How often anything was asked for. */
  requests(): number;
  /** Lets every request fail, or no longer. */
  fail(fails: boolean): void;
  stop(): void;
}

/** Makes the archives: wheels are zip files, everything else is a tar file. */
const BUILDER = `
import io, json, stat, sys, tarfile, zipfile
for p in json.load(sys.stdin):
  name, files, links, kind = p['name'], p['files'], p.get('links') or {}, p['kind']
  if kind == 'wheel':
    with zipfile.ZipFile(p['path'], 'w') as z:
      for path, text in files.items(): z.writestr(path, text)
      for path, target in links.items():
        i = zipfile.ZipInfo(path); i.create_system = 3; i.external_attr = (stat.S_IFLNK | 0o777) << 16; z.writestr(i, target)
  else:
    with tarfile.open(p['path'], 'w:gz') as t:
      for path, text in files.items():
        i = tarfile.TarInfo(path); i.size = len(text.encode()); i.mode = 0o755; t.addfile(i, io.BytesIO(text.encode()))
      for path, target in links.items():
        i = tarfile.TarInfo(path); i.type = tarfile.SYMTYPE; i.linkname = target; t.addfile(i)
`;

/** The files of a wheel. */
const wheel = (name: string, files: Record<string, string>) => {
  const info = `${name}-1.0.dist-info`;
  const all: Record<string, string> = {
    ...files,
    [`${info}/METADATA`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: 1.0\n`,
    [`${info}/WHEEL`]: "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
  };
  return { ...all, [`${info}/RECORD`]: [...Object.keys(all), `${info}/RECORD`].map((path) => `${path},,\n`).join("") };
};

/** The files of a source distribution that needs nothing else to be built, and whose build runs `build`. */
const source = (name: string, files: Record<string, string>, build: string) => ({
  [`${name}-1.0/pyproject.toml`]: `[project]\nname = "${name}"\nversion = "1.0"\n[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n`,
  [`${name}-1.0/PKG-INFO`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: 1.0\n`,
  [`${name}-1.0/backend.py`]: `import zipfile\nFILES = ${JSON.stringify(wheel(name, files))}\ndef build_wheel(directory, *a):\n${build.replaceAll(/^/gm, "  ")}\n  with zipfile.ZipFile(f'{directory}/${name}-1.0-py3-none-any.whl', 'w') as z:\n    for path, text in FILES.items(): z.writestr(path, text)\n  return '${name}-1.0-py3-none-any.whl'\n`,
});

/** Serves Python packages and npm packages at an address that no jail reaches but through the runner. */
export async function openRegistry(pythons: HostilePackage[], nodes: HostilePackage[]): Promise<Registry> {
  const directory = mkdtempSync(join(tmpdir(), "docle-registry-"));
  const fileOf = ({ name, build }: HostilePackage) => (build === undefined ? `${name}-1.0-py3-none-any.whl` : `${name}-1.0.tar.gz`);
  const orders = [
    ...pythons.map((one) => ({ ...one, path: join(directory, fileOf(one)), ...(one.build === undefined ? { kind: "wheel", files: wheel(one.name, one.files) } : { kind: "source", files: source(one.name, one.files, one.build) }) })),
    ...nodes.map((one) => ({ ...one, path: join(directory, `${one.name}.tgz`), kind: "npm" })),
  ];
  execFileSync(python(), ["-c", BUILDER], { input: JSON.stringify(orders) });

  let [requests, fails] = [0, false];
  const server = createServer((request, response) => {
    requests += 1;
    if (fails) return void response.writeHead(500).end();
    const [, place, rest = ""] = (request.url ?? "").split("/");
    const known = pythons.find(({ name }) => name === rest);
    const node = nodes.find(({ name }) => name === place);
    if (place === "simple" && known) {
      response.setHeader("content-type", "text/html").end(`<a href="/files/${fileOf(known)}">${fileOf(known)}</a>`);
    } else if (place === "files") {
      response.end(readFileSync(join(directory, rest)));
    } else if (node) {
      const shasum = createHash("sha1").update(readFileSync(join(directory, `${node.name}.tgz`))).digest("hex");
      const manifest = JSON.parse(node.files["package/package.json"] ?? "{}") as object;
      const version = { ...manifest, name: node.name, version: "1.0.0", dist: { shasum, tarball: `http://${request.headers.host}/files/${node.name}.tgz` } };
      response.setHeader("content-type", "application/json").end(JSON.stringify({ name: node.name, "dist-tags": { latest: "1.0.0" }, versions: { "1.0.0": version } }));
    } else {
      response.writeHead(404).end();
    }
  }).listen(0, "127.0.0.2");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const flagsWith = (credentials: string) => ["--python-index", `http://${credentials}127.0.0.2:${port}/simple`, "--npm-registry", `http://127.0.0.2:${port}`];
  const stop = () => {
    server.close();
    server.closeAllConnections();
    rmSync(directory, { recursive: true, force: true });
  };
  return { flags: flagsWith(""), flagsWithPassword: flagsWith(`reader:${PASSWORD}@`), requests: () => requests, fail: (now) => void (fails = now), stop };
}
