(() => {
  const fs = require("fs");
  const vm = require("vm");
  const read = (length) => {
    const bytes = Buffer.alloc(length);
    for (let at = 0; at < length; ) {
      const found = fs.readSync(9, bytes, at, length - at, null);
      if (found === 0) process.exit();
      at += found;
    }
    return bytes.toString();
  };
  const program = read(parseInt(read(8), 16));
  const options = { filename: `${process.cwd()}/[kernel]`, importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER };
  vm.runInThisContext(`(function (require) {${program}\n})`, options)(require);
})();
