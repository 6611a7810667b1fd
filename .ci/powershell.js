// Parses PowerShell by a grammar, the scripts named and the blocks ```powershell of the documents named, and prints each place
// that is none: node .ci/powershell.js FILE... There is no PowerShell where CI runs.
const fs = require('fs');
const { Parser, Language } = require('@vscode/tree-sitter-wasm');

// parts gives the texts of a file, each with its first line's number.
function parts(file) {
  const text = fs.readFileSync(file, 'utf8').replace(/^\ufeff/, '');
  if (!file.endsWith('.md')) return [{ line: 1, text }];
  return [...text.matchAll(/^```powershell\n([^]*?)^```/gm)].map((m) => ({ line: text.slice(0, m.index).split('\n').length + 1, text: m[1] }));
}

// faults lists the nodes that the grammar does not know.
function faults(node) {
  if (node.type === 'ERROR' || node.isMissing) return [node];
  return node.children.flatMap((child) => (child ? faults(child) : []));
}

(async () => {
  await Parser.init();
  const parser = new Parser();
  parser.setLanguage(await Language.load(require.resolve('@vscode/tree-sitter-wasm/wasm/tree-sitter-powershell.wasm')));
  let parsed = 0;
  for (const file of process.argv.slice(2)) {
    for (const part of parts(file)) {
      parsed++;
      for (const fault of faults(parser.parse(part.text).rootNode)) {
        console.log(`${file}:${part.line + fault.startPosition.row}: ${fault.text.slice(0, 80) || 'missing ' + fault.type}`);
        process.exitCode = 1;
      }
    }
  }
  console.log(`${parsed} texts`);
})();
