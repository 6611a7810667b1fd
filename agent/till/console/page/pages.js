// The pages, in the order of the navigation.
import * as acessos from "./pages/acessos.js";
import * as auditoria from "./pages/auditoria.js";
import * as conferencia from "./pages/conferencia.js";
import * as configuracao from "./pages/configuracao.js";
import * as diario from "./pages/diario.js";
import * as diagnostico from "./pages/diagnostico.js";
import * as guias from "./pages/guias.js";
import * as homologacao from "./pages/homologacao.js";
import * as inicio from "./pages/inicio.js";
import * as pagamentos from "./pages/pagamentos.js";
import * as pendencias from "./pages/pendencias.js";
import * as rotinas from "./pages/rotinas.js";
import * as simulador from "./pages/simulador.js";
import * as vendas from "./pages/vendas.js";

export const pages = [
  { path: "inicio", title: "Início", group: 1, show: inicio.show },
  { path: "vendas", title: "Vendas", group: 1, show: vendas.show },
  { path: "pendencias", title: "Pendências", group: 1, show: pendencias.show },
  { path: "pagamentos", title: "Pagamentos", group: 1, show: pagamentos.show },
  { path: "rotinas", title: "Rotinas", group: 2, show: rotinas.show },
  { path: "conferencia", title: "Conferência", group: 2, show: conferencia.show },
  { path: "diario", title: "Diário", group: 2, show: diario.show },
  { path: "diagnostico", title: "Diagnóstico", group: 2, show: diagnostico.show },
  { path: "homologacao", title: "Homologação", group: 2, show: homologacao.show },
  { path: "guias", title: "Guias", group: 2, show: guias.show },
  { path: "simulador", title: "Simulador", group: 2, show: simulador.show, hidden: true, when: simulador.near },
  { path: "configuracao", title: "Configuração", group: 3, show: configuracao.show },
  { path: "acessos", title: "Acessos", group: 3, show: acessos.show },
  { path: "auditoria", title: "Auditoria", group: 3, show: auditoria.show },
];
