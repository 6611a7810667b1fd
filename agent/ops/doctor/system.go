package doctor

import (
	"context"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"pdvagent/agent/osfile"
)

func serviceState(ctx context.Context, e *examination) answer {
	if e.Service == nil {
		return skip("não há gerenciador de serviços que possa ser perguntado daqui")
	}
	s, err := e.Service(ctx)
	switch {
	case err != nil:
		return skip("%v", err)
	case s.State == "not_installed" && e.running:
		return warn("Instale o serviço: sem ele, o agente não volta com a máquina. pdvagent service ensure", "o agente responde, mas não é um serviço")
	case s.State == "not_installed":
		return warn("Instale com: pdvagent service ensure", "não está instalado")
	case s.Start == "disabled" || s.Start == "manual":
		return warn("Se não foi de propósito, um administrador o ativa: no Windows, sc config pdvagent start= delayed-auto; no Linux, systemctl enable pdvagent.", "%s; início: %s, não volta com a máquina", s.State, s.Start)
	case s.State != "running":
		return fail("Inicie com: pdvagent service start. Se não ficar em execução, veja o log em data_dir/log.", "%s, último término com código %d", s.State, s.Exit)
	}
	return ok("em execução, início: %s", s.Start)
}

// recentCrash is the age up to which a crash is a warning.
const recentCrash = 7 * 24 * time.Hour

func crashes(_ context.Context, e *examination) answer {
	if len(e.Crashes) == 0 {
		return ok("nenhuma guardada")
	}
	newest := e.Crashes[len(e.Crashes)-1]
	if age := e.Now().Sub(newest.At); age > recentCrash {
		return ok("nenhuma há %d dias", int(age/(24*time.Hour)))
	}
	return warn("Mande ao suporte um pdvagent support-bundle.", "%d guardadas, a última em %s", len(e.Crashes), newest.File)
}

var (
	lastRun = regexp.MustCompile(`(?m)^pdvagent_routine_last_run_timestamp_seconds\{routine="([a-z-]+)"\} (\S+)$`)
	failed  = regexp.MustCompile(`(?m)^pdvagent_routine_last_run_failed\{routine="([a-z-]+)"\} 1$`)
)

// overdue is the age of a latest run that is a warning: each routine runs at least once a day.
const overdue = 26 * time.Hour

func routines(ctx context.Context, e *examination) answer {
	if !e.running {
		return skip("o agente não está em execução")
	}
	code, body, err := e.Local(ctx, "/metrics")
	if err != nil || code != http.StatusOK {
		return skip("as métricas não puderam ser lidas: %d %v", code, err)
	}
	if wrong := failed.FindStringSubmatch(string(body)); wrong != nil {
		return warn("Veja o motivo no log, em data_dir/log.", "a última execução de %s não deu certo", wrong[1])
	}
	var seen []string
	for _, run := range lastRun.FindAllStringSubmatch(string(body), -1) {
		seconds, err := strconv.ParseFloat(run[2], 64)
		if err != nil || seconds == 0 {
			continue // not run yet
		}
		at := time.Unix(int64(seconds), 0)
		if e.Now().Sub(at) > overdue {
			return warn("Reinicie o serviço; se não bastar, chame o suporte.", "%s rodou pela última vez em %s", run[1], e.local(at).Format("02/01/2006 15:04"))
		}
		seen = append(seen, run[1]+" em "+e.local(at).Format("02/01 15:04"))
	}
	if len(seen) == 0 {
		return ok("nenhuma ainda: a primeira roda um minuto após o início")
	}
	return ok("%s", strings.Join(seen, ", "))
}

// cloned warns of a data folder that was copied a short time ago with sales in it.
func cloned(_ context.Context, e *examination) answer {
	const recent = 30 * 24 * time.Hour
	switch c := e.Clone; {
	case c == nil:
		return ok("estes dados não são uma cópia")
	case c.Held == 0 || e.Now().Sub(c.At) > recent:
		return ok("em %s estes dados foram copiados; %d ficaram retidos", e.local(c.At).Format("02/01/2006 15:04"), c.Held)
	default:
		return warn("Se o pdvagent original ainda roda, descarte os retidos aqui (pdvagent queue discard); se não roda mais, pdvagent queue retry --reason copia os envia.",
			"clone: em %s se viu que estes dados são uma cópia; %d registros retidos, para que nada vá duas vezes", e.local(c.At).Format("02/01/2006 15:04"), c.Held)
	}
}

// backupCopied warns of copies that are old, or that lie on this machine: a mount that is away leaves an empty folder. It does
// not wait for a folder that does not answer.
func backupCopied(ctx context.Context, e *examination) answer {
	if e.Copied == nil {
		return ok("backup.copy_to não está na configuração: se esta máquina se perder, perde-se o que ela não enviou")
	}
	looked := make(chan answer, 1)
	go func() { looked <- lookAtCopies(e) }()
	select {
	case found := <-looked:
		return found
	case <-ctx.Done():
		return warn("Confira o servidor e a rede; o serviço tenta de novo a cada 10 minutos.", "a pasta %s não responde", e.CopyTo)
	}
}

func lookAtCopies(e *examination) answer {
	const late, ahead = 26 * time.Hour, -time.Hour
	at, err := e.Copied()
	if err != nil {
		return warn("Confira o servidor, a rede e se a pasta está montada; o serviço tenta de novo a cada 10 minutos.", "a pasta %s não pôde ser lida por este usuário: %v", e.CopyTo, err)
	}
	if at.IsZero() {
		return warn("Veja os alarmes: o agente em execução diz por que nenhuma cópia chegou.", "não há cópia deste caixa em %s", e.CopyTo)
	}
	if age := e.Now().Sub(at); age > late || age < ahead {
		return warn("Veja os alarmes: o agente em execução diz por que a cópia não chega. Uma data futura é de um relógio que esteve errado: apague aquela cópia.",
			"a mais nova em %s é de %s", e.CopyTo, e.local(at).Format("02/01/2006 15:04"))
	}
	if remote, err := osfile.Network(e.CopyTo); err == nil && !remote {
		return warn("Se a pasta é do servidor, ela não está montada agora; se é um disco desta máquina, ele se perde com ela.", "a mais nova é de %s, mas %s é um disco desta máquina",
			e.local(at).Format("02/01/2006 15:04"), e.CopyTo)
	}
	return ok("a mais nova em %s é de %s", e.CopyTo, e.local(at).Format("02/01/2006 15:04"))
}

// company says what the running agent found out of the others of its shop.
func company(ctx context.Context, e *examination) answer {
	if e.Copied == nil {
		return ok("sem backup.copy_to os agentes da loja não se veem")
	}
	return withStatus(func(_ *examination, s *status) answer {
		var texts []string
		for _, alarm := range s.Alarms {
			if alarm.Code == "shop_conflict" {
				texts = append(texts, alarm.Detail)
			}
		}
		if len(texts) > 0 {
			return fail("Deixe um só; veja docs/troca-de-maquina.md.", "%s", strings.Join(texts, " "))
		}
		return ok("um agente por caixa e um só caixa principal, até onde se vê em %s", e.CopyTo)
	})(ctx, e)
}

// salvaged warns of a recently damaged database: a disk that damaged it may do so again.
func salvaged(_ context.Context, e *examination) answer {
	const recent = 30 * 24 * time.Hour
	switch s := e.Salvage; {
	case s == nil:
		return ok("nunca foi preciso")
	case e.Now().Sub(s.At) > recent:
		return ok("o último foi em %s", s.At.Format(time.RFC3339))
	case s.Restored != "":
		return warn("Confira os registros retidos (pdvagent queue ls --state retido).", "em %s um backup foi restaurado: %d retidos, %d sem conteúdo; nada estava danificado",
			s.At.Format(time.RFC3339), s.Held, s.Lost)
	default:
		return warn("Confira os registros retidos (pdvagent queue ls --state retido) e troque o disco.",
			"em %s: %d retidos, %d sem conteúdo, %d lacunas na numeração; o arquivo danificado é %s", s.At.Format(time.RFC3339), s.Held, s.Lost, s.Missing, s.File)
	}
}
