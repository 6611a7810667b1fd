// Portuguese for people: codes in words, times, amounts.
import { codes } from "./codes.js";

const of = (vocabulary) => (code) => codes[vocabulary][code] ?? code ?? "";
export const jobState = of("jobStates");
export const jobKind = of("jobKinds");
export const paymentState = of("paymentStates");
export const paymentKind = of("paymentKinds");
export const boletoState = of("boletoStates");
export const channel = of("channels");
export const orderState = of("orderStates");
export const verdict = of("verdicts");
export const prover = of("provers");

/** jobReason is the reason in words; what a person wrote stays. */
export function jobReason(reason) {
  return reason?.startsWith("support: ") ? "suporte: " + reason.slice(9) : codes.jobReasons[reason] ?? reason ?? "";
}

/** kindName is a job's kind with a capital. */
export const kindName = (kind) => capital(jobKind(kind));

export const capital = (text) => text.slice(0, 1).toUpperCase() + text.slice(1);

/** many counts: many(2, "venda", "vendas"). */
export const many = (n, one, more) => `${number(n)} ${n === 1 ? one : more}`;

export const number = (n) => new Intl.NumberFormat("pt-BR").format(n);

/** reais writes an amount of cents: an integer of any size, or the text of one. */
export function reais(cents) {
  if (cents === null || cents === undefined) return "";
  const n = BigInt(cents), digits = String(n < 0n ? -n : n).padStart(3, "0");
  const whole = digits.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, ".");
  return `${n < 0n ? "−" : ""}R$ ${whole},${digits.slice(-2)}`;
}

/** size writes bytes. */
export function size(bytes) {
  for (const [unit, name] of [[2 ** 30, "GB"], [2 ** 20, "MB"], [2 ** 10, "kB"]]) {
    if (bytes >= unit) return `${new Intl.NumberFormat("pt-BR", { maximumFractionDigits: 1 }).format(bytes / unit)} ${name}`;
  }
  return many(bytes, "byte", "bytes");
}

const day = new Intl.DateTimeFormat("pt-BR", { day: "2-digit", month: "2-digit", year: "numeric" });
const clock = new Intl.DateTimeFormat("pt-BR", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const minute = new Intl.DateTimeFormat("pt-BR", { hour: "2-digit", minute: "2-digit" });

const same = (a, b) => a.toDateString() === b.toDateString();

/** time is an instant: the clock alone today, with the day before it otherwise. */
export function time(at) {
  if (!at) return "";
  const when = new Date(at);
  return same(when, new Date()) ? clock.format(when) : `${day.format(when)} ${clock.format(when)}`;
}

/** since is an instant after "desde" or "às". */
export function since(at) {
  const when = new Date(at);
  return same(when, new Date()) ? minute.format(when) : `${day.format(when)} às ${minute.format(when)}`;
}

/** stamp is an instant in full. */
export const stamp = (at) => (at ? `${day.format(new Date(at))} ${clock.format(new Date(at))}` : "");

/** date writes 2026-05-14 as 14/05/2026. */
export const date = (text) => (text ? text.split("-").reverse().join("/") : "");

/** today is the day as the API wants it. */
export function today() {
  const now = new Date();
  return `${now.getFullYear()}-${String(now.getMonth() + 1).padStart(2, "0")}-${String(now.getDate()).padStart(2, "0")}`;
}

/** lasted writes a length of time in milliseconds. */
export function lasted(ms) {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${new Intl.NumberFormat("pt-BR", { maximumFractionDigits: 1 }).format(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} dias`;
}

/** routines are the names of what runs by the clock, and what each does. */
export const routines = {
  resend: ["Reenvio", "Antecipa o que ainda espera para ser enviado"],
  "end-of-day": ["Fim do dia", "Envia o que restou do dia"],
  products: ["Carga de produtos", "Leva os produtos do ERP à Mercafácil"],
  operators: ["Carga de operadores", "Leva os operadores do ERP à Mercafácil"],
  abandoned: ["Vendas abandonadas", "Cancela na Mercafácil as transações que o caixa deixou abertas"],
  reconcile: ["Conferência do dia", "Soma as vendas do dia pelo que foi feito delas"],
  retention: ["Descarte", "Apaga os dados cujo prazo passou"],
  compact: ["Compactação", "Devolve ao disco o espaço que sobrou no banco de dados"],
  backup: ["Cópia de segurança", "Copia o banco de dados"],
  history: ["Vendas antigas", "Leva as vendas antigas do ERP à Mercafácil"],
  "sicoob-settlement": ["Baixa de boletos", "Pergunta ao Sicoob que boletos foram pagos"],
};

export const routineName = (name) => routines[name]?.[0] ?? name;

export const runStates = { running: "rodando", done: "terminou bem", failed: "falhou", interrupted: "interrompida" };

/** count names a figure of a run. */
export const count = (name, n) => codes.counts[name]?.[n === 1 ? 0 : 1] ?? name;

/** deliveries are how the agent answered a till. */
export const deliveries = {
  live: "respondida na hora", contingency: "respondida sem a nuvem", queued: "guardada para enviar", delivered: "entregue à nuvem", replayed: "repetida; a mesma resposta", refused: "recusada",
};

/** parties are who caused a refusal or a delay. */
export const parties = { till: "caixa", agent: "agente", network: "rede", cloud: "nuvem" };

export const sides = { till: "Caixa", support: "Suporte", cloud: "Nuvem" };

export const scopes = { till: "caixa", support: "suporte", admin: "administração" };

/** fieldNames are the names of a sale's fields. */
const fieldNames = {
  transaction_id: "transação", coupon: "cupom", client_id: "documento do cliente", document_no: "documento", date: "data", time: "hora", items: "itens", payments: "pagamentos",
  sku: "código", ean: "código de barras", product_name: "produto", name: "nome", quantity: "quantidade", packing_quantity: "quantidade por embalagem", unit_value: "valor unitário",
  total_value: "total", total_value_with_discount: "total com desconto", payment_form: "forma de pagamento", amount: "valor", instalments: "parcelas", origin: "origem",
  pdv_code: "código do caixa", operator_id: "operador", store_code: "código da loja", products: "produtos", operators: "operadores", coupons: "cupons", pdv_version: "versão do programa do caixa",
  store: "loja", shop: "loja", status: "situação", reason: "motivo", discount: "desconto", absolute: "desconto no total", tag: "opção", input: "resposta", cellphone: "celular",
};

/** fieldName reads a path, items[2].quantity, as a person does: item 3, quantidade. */
export function fieldName(path) {
  const singular = { items: "item", payments: "pagamento", products: "produto", operators: "operador", coupons: "cupom" };
  return capital(path.split(".").map((part) => {
    const [, name, index] = /^([^[]*)(?:\[(\d+)\])?$/.exec(part) ?? [null, part];
    return index === undefined ? fieldNames[name] ?? name : `${singular[name] ?? fieldNames[name] ?? name} ${Number(index) + 1}`.trim();
  }).join(", "));
}

/** advice drops the sentences of an alarm that name a command: the page has a button there. */
export function advice(detail) {
  return (detail ?? "").split(/(?<=[.:]) (?=[A-Z])|(?<=\.) /).filter((s) => !/pdvagent (queue|status|doctor|payments|boletos|orders|config|routines)\b/.test(s)).join(" ") || detail;
}
