//! Go's standard library, compiled once: Go has no archives of it since 1.20, and compiling it takes half a minute.

import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Compiles the standard library into the tree, where the compiler and the linker find it by a list. @param {string} root */
export function bakeGo(root) {
  const made = join(root, "opt/go-std");
  const staged = join(root, "opt/go-std.new");
  for (const directory of [made, staged]) rmSync(directory, { recursive: true, force: true });
  mkdirSync(staged, { recursive: true });
  const home = mkdtempSync(join(tmpdir(), "docle-go-"));
  const GOROOT = join(root, "usr/lib/go-1.26");
  const own = { GOROOT, GOCACHE: join(home, "cache"), GOPATH: join(home, "path"), GOENV: "off", CGO_ENABLED: "0", GOFLAGS: "-trimpath", GOTOOLCHAIN: "local", GOTELEMETRY: "off" };
  try {
    // The tree's own loader and libraries, because Go's command may need a newer libc than this machine has.
    const loader = join(root, "usr/lib64/ld-linux-x86-64.so.2");
    const libraries = join(root, "usr/lib/x86_64-linux-gnu");
    const command = [loader, "--library-path", libraries, join(GOROOT, "bin/go")];
    const list = ["list", "-export", "-f", "{{if .Export}}{{.ImportPath}} {{.Export}}{{end}}", "std"];
    const listed = execFileSync("nice", ["-n", "10", ...command, ...list], { cwd: home, encoding: "utf8", env: { PATH: process.env.PATH, HOME: home, ...own } });
    const lines = listed.trim().split("\n").map((line) => {
      const [name = "", archive = ""] = line.split(" ");
      const file = `${name.replaceAll("/", "_")}.a`;
      copyFileSync(archive, join(staged, file));
      return `packagefile ${name}=/opt/go-std/${file}\n`;
    });
    writeFileSync(join(staged, "importcfg"), lines.join(""));
    renameSync(staged, made);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
