// The guides: which there are, their text, their sections, and a search in all of them.
import { open } from "./api.js";
import { plain, slug } from "./markdown.js";

/** guides are the documents: name in the address, file, title, what it is for. */
export const groups = [
  { title: "Programar o caixa", guides: [
    ["fidelidade", "fidelidade.md", "O caixa e o clube", "A venda com descontos, chamada por chamada; centavos; contingência"],
    ["pagamentos", "pagamentos.md", "Pagamentos", "Pix, títulos de capitalização e faturas"],
    ["boletos", "boletos.md", "Boletos e pedidos com cartão", "Emitir, baixar, conciliar"],
    ["exemplos", "exemplos/README.md", "Exemplos", "O mesmo caixa em seis linguagens"],
    ["sandbox", "sandbox.md", "A nuvem simulada", "Clube, ofertas e defeitos para experimentar sem internet"],
  ] },
  { title: "Implantar", guides: [
    ["instalacao", "instalacao.md", "Instalação", "Windows e Linux, uma loja ou muitas"],
    ["homologacao", "homologacao.md", "Homologação", "O roteiro da Mercafácil, feito e comprovado"],
    ["cargas", "cargas.md", "Cargas", "Produtos, operadores e vendas antigas do ERP"],
    ["troca-de-maquina", "troca-de-maquina.md", "Troca de máquina", "Levar um caixa para outro computador"],
  ] },
  { title: "Atender", guides: [
    ["console", "console.md", "O console", "Estas páginas"],
    ["suporte", "suporte.md", "Suporte", "O que fazer quando algo não vai"],
    ["monitoramento", "monitoramento.md", "Monitoramento", "Alarmes, Prometheus, Grafana"],
    ["mudancas", "CHANGELOG.md", "O que mudou", "Versão por versão"],
  ] },
];

/** programs are the files that guides lead to. */
const programs = ["exemplos/Venda.cs", "exemplos/Venda.java", "exemplos/venda.pas", "exemplos/venda.php", "exemplos/venda.py", "exemplos/venda.sh", "grafana-painel.json", "prometheus-alertas.yaml"];

export const guides = groups.flatMap((g) => g.guides.map(([name, file, title, what]) => ({ name, file, title, what, group: g.title })));

/** guideOf is a guide by its name; a program's name is its file. */
export const guideOf = (name) => guides.find((g) => g.name === name) ?? programs.filter((file) => file.split("/").at(-1) === name).map((file) => ({ name, file, title: name, program: true }))[0];

/** hrefFrom gives where a link of a guide leads inside the page; null for a file that is not here. */
export const hrefFrom = (guide) => (target) => {
  if (/^https?:/.test(target)) return target;
  const [path, anchor] = target.split("#"), file = path === "" ? guide.file : new URL(path, "http://x/" + guide.file).pathname.slice(1);
  const found = guides.find((g) => g.file === file) ?? (programs.includes(file) ? { name: file.split("/").at(-1) } : null);
  return found && `#/guias/${found.name}${anchor ? "/" + anchor : ""}`;
};

/** titleOf gives a guide's title for a link whose text is the file's name. */
export const titleOf = (target, label) => (target.split("/").at(-1) === label ? guides.find((g) => g.file === target)?.title : undefined);

const texts = new Map();

/** textOf reads a guide, once. */
export function textOf(guide) {
  if (!texts.has(guide.file)) {
    const text = open("/console/guias/" + guide.file).then((answer) => answer.text());
    text.catch(() => texts.delete(guide.file));
    texts.set(guide.file, text);
  }
  return texts.get(guide.file);
}

/** sections are the parts of a guide: {title, anchor, text}. The first has the text before any heading. */
export function sections(text) {
  const found = [], used = new Map();
  let code = false;
  for (const line of text.split("\n")) {
    if (/^\s*```/.test(line)) code = !code;
    const title = code ? null : /^(#{1,6})\s+(.*)$/.exec(line);
    if (!title) {
      if (found.length > 0) found.at(-1).text += line + "\n";
      continue;
    }
    const name = plain(title[2]), id = slug(name), n = used.get(id) ?? 0;
    used.set(id, n + 1);
    found.push({ title: name, level: title[1].length, anchor: n === 0 ? id : `${id}-${n}`, text: "" });
  }
  return found;
}

/** folded is a text without accents and capitals, of the same length. */
export const folded = (text) => [...text].map((c) => c.normalize("NFD")[0].toLowerCase()).join("");

/** search gives the sections that have every word, those with all of them in the title first: {guide, section, line}. */
export async function search(words) {
  const wanted = folded(words).split(/\s+/).filter((w) => w !== "");
  if (wanted.length === 0) return [];
  const found = [];
  for (const guide of guides) {
    for (const section of sections(await textOf(guide))) {
      const title = folded(guide.title + " " + section.title), body = folded(section.text);
      if (!wanted.every((w) => title.includes(w) || body.includes(w))) continue;
      const lines = section.text.split("\n"), line = lines.find((l) => wanted.some((w) => folded(l).includes(w))) ?? lines.find((l) => l.trim() !== "") ?? "";
      found.push({ guide, section, line: plain(line.replace(/^[\s#>|*-]+/, "")).trim(), weight: wanted.every((w) => title.includes(w)) ? 1 : 0 });
    }
  }
  return found.sort((a, b) => b.weight - a.weight);
}
