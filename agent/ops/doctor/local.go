package doctor

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"pdvagent/agent/osfile"
)

func version(_ context.Context, e *examination) answer { return ok("pdvagent %s, %s", e.Version, e.Go) }

func configuration(_ context.Context, e *examination) answer {
	if len(e.Faults) > 0 {
		return fail("Corrija com pdvagent config set, ou no arquivo; confira com pdvagent config check.", "%s: %s", e.ConfigPath, strings.Join(e.Faults, "; "))
	}
	return ok("%s está correto", e.ConfigPath)
}

func configWarnings(_ context.Context, e *examination) answer {
	if len(e.Warnings) > 0 {
		return warn("Leia cada aviso com pdvagent config check.", "%s", strings.Join(e.Warnings, "; "))
	}
	return ok("nenhum")
}

func configRights(_ context.Context, e *examination) answer { return private(e.ConfigPath, 0o027) }

func dataRights(_ context.Context, e *examination) answer { return private(e.DataDir, 0o077) }

// private checks that others have none of the rights on a path.
func private(path string, others os.FileMode) answer {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return skip("%s ainda não existe", path)
	case err != nil:
		return fail("Rode o doctor como administrador ou como o usuário do serviço.", "%v", err)
	case os.PathSeparator == '\\': // Windows has no modes
		return accessList(path)
	case info.Mode().Perm()&others != 0:
		return warn("O agente corrige no próximo início.", "%s tem os direitos %v", path, info.Mode().Perm())
	}
	return ok("%s: %v", path, info.Mode().Perm())
}

func accessList(path string) answer {
	open, err := osfile.Exposed(path)
	switch {
	case err != nil:
		return skip("%v", err)
	case open:
		return warn("O agente corrige no próximo início.", "outros usuários têm direitos em %s", path)
	}
	return ok("%s: só o sistema, administradores e o serviço", path)
}

func dataFolder(_ context.Context, e *examination) answer {
	info, err := os.Stat(e.DataDir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return warn("O agente a cria no primeiro início.", "%s ainda não existe", e.DataDir)
	case err != nil || !info.IsDir():
		return fail("Aponte data_dir para uma pasta.", "%s: %v", e.DataDir, err)
	}
	file, err := os.CreateTemp(e.DataDir, "doctor-")
	if err != nil {
		return fail("Dê direito de escrita ao usuário do serviço.", "não se pode escrever em %s: %v", e.DataDir, err)
	}
	if err := errors.Join(file.Close(), os.Remove(file.Name())); err != nil {
		return fail("Dê direito de escrita ao usuário do serviço.", "%v", err)
	}
	return ok("%s pode ser escrita", e.DataDir)
}

func dataLocal(_ context.Context, e *examination) answer {
	remote, err := osfile.Network(existing(e.DataDir))
	switch {
	case err != nil:
		return skip("%v", err)
	case remote:
		return fail("Use uma pasta em disco desta máquina: em rede, travas e gravações não são confiáveis.", "%s fica em outra máquina", e.DataDir)
	}
	return ok("%s fica nesta máquina", e.DataDir)
}

// existing returns the path, or the nearest folder above it that exists.
func existing(path string) string {
	for {
		if _, err := os.Stat(path); err == nil || filepath.Dir(path) == path {
			return path
		}
		path = filepath.Dir(path)
	}
}

func diskSpace(_ context.Context, e *examination) answer {
	free, total, err := osfile.Space(existing(e.DataDir))
	const advice = "Libere espaço: sem ele o agente não guarda vendas (507)."
	switch mb := free >> 20; {
	case err != nil:
		return skip("%v", err)
	case mb < 100:
		return fail(advice, "%d MiB livres de %d", mb, total>>20)
	case mb < 1024:
		return warn(advice, "%d MiB livres de %d", mb, total>>20)
	default:
		return ok("%d MiB livres de %d", mb, total>>20)
	}
}

// diskSync measures a synced write, which each sale waits for.
func diskSync(_ context.Context, e *examination) answer {
	if _, err := os.Stat(e.DataDir); err != nil {
		return skip("%s ainda não existe", e.DataDir)
	}
	file, err := os.CreateTemp(e.DataDir, "doctor-")
	if err != nil {
		return skip("%v", err)
	}
	defer func() { _ = errors.Join(file.Close(), os.Remove(file.Name())) }() // only a measurement
	var took []time.Duration
	for range 15 {
		begin := time.Now()
		_, err := file.Write(make([]byte, 4096))
		if err = errors.Join(err, file.Sync()); err != nil {
			return fail("O disco recusa gravações: troque-o.", "%v", err)
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	median := took[len(took)/2].Round(10 * time.Microsecond)
	if median > 50*time.Millisecond {
		return warn("O disco é lento ou está com defeito; o caixa espera por ele a cada venda.", "gravar 4 KiB leva %v (mediana de %d)", median, len(took))
	}
	return ok("gravar 4 KiB leva %v (mediana de %d)", median, len(took))
}

func storeSize(_ context.Context, e *examination) answer {
	info, err := os.Stat(filepath.Join(e.DataDir, "pdvagent.db"))
	if err != nil {
		return skip("ainda não há banco de dados")
	}
	if share := info.Size() * 100 / e.MaxBytes; share >= 80 {
		return warn("Veja por que as vendas não são enviadas; em último caso aumente store.max_mb.", "%d MiB, %d%% do limite", info.Size()>>20, share)
	}
	return ok("%d MiB de %d", info.Size()>>20, e.MaxBytes>>20)
}

func timezone(_ context.Context, e *examination) answer {
	zone, err := e.Zone(e.Timezone)
	if err != nil {
		return fail("Use um nome como America/Sao_Paulo em shop.timezone.", "%q é desconhecido", e.Timezone)
	}
	now := e.Now()
	_, here := now.Local().Zone()
	if _, there := now.In(zone).Zone(); here != there {
		return warn("Acerte o fuso da máquina ou shop.timezone: data e hora das vendas vêm do caixa.", "a máquina está em UTC%+d, a loja (%s) em UTC%+d", here/3600, e.Timezone, there/3600)
	}
	return ok("%s, igual ao da máquina", e.Timezone)
}

func proxy(_ context.Context, e *examination) answer {
	if e.Dial != nil {
		return ok("o agente sai por %s (network.proxy)", e.Proxy)
	}
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"} {
		if e.Getenv(name) != "" {
			return warn("O agente não usa o proxy do ambiente: libere a saída direta para a nuvem, ou informe o endereço dele em network.proxy.", "%s está definida", name)
		}
	}
	return ok("nenhum no ambiente; o agente sai direto")
}

// status is the part of /v1/status that checks read.
type status struct {
	Online  bool
	Circuit string
	Since   time.Time
	Outage  *struct{ From, To time.Time } `json:"last_outage"`
	Version string
	Alarms  []struct{ Code, Detail string }
	Queue   struct {
		Pending, Sent, Dead, Held, Annulled, Discarded, Accepted uint64
		OldestAt                                                 *time.Time `json:"oldest_at"`
	}
	Clouds []struct {
		Name, Reason string
		Online       bool
		Paused       []string
	}
}

func agentRunning(ctx context.Context, e *examination) answer {
	code, body, err := e.Local(ctx, "/health")
	if err != nil {
		return fail("Inicie o serviço do pdvagent e veja o log.", "nada responde em %s: %v", e.Listen, err)
	}
	var health struct{ Status, Version string }
	if code != http.StatusOK || json.Unmarshal(body, &health) != nil || health.Status != "ok" {
		return fail("Outro programa usa a porta: mude api.listen ou pare o outro.", "%s responde %d, e não é o pdvagent", e.Listen, code)
	}
	e.running = true
	if health.Version != e.Version {
		return warn("Reinicie o serviço para usar a versão instalada.", "em execução a versão %s, instalada a %s", health.Version, e.Version)
	}
	return ok("responde em %s, versão %s", e.Listen, health.Version)
}

func port(ctx context.Context, e *examination) answer {
	if e.running {
		return ok("%s é do pdvagent", e.Listen)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", e.Listen)
	if err != nil {
		return fail("Feche o outro programa ou mude api.listen. No Windows: netstat -ano, e netsh int ipv4 show excludedportrange tcp.", "%s não pode ser aberta: %v", e.Listen, err)
	}
	_ = listener.Close() // only a test
	return ok("%s está livre", e.Listen)
}

func ipv6(ctx context.Context, _ *examination) answer {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp6", "[::1]:0")
	if err != nil {
		return warn("Caixas que chamam por \"localhost\" podem demorar; use 127.0.0.1.", "esta máquina não tem ::1")
	}
	_ = listener.Close() // only a test
	return ok("::1 existe")
}

func localToken(ctx context.Context, e *examination) answer {
	if !e.running {
		return skip("o agente não está em execução")
	}
	code, body, err := e.Local(ctx, "/v1/status")
	if err != nil || code != http.StatusOK {
		return fail("O agente roda com outra configuração: reinicie-o, ou confira --config.", "o token de suporte do arquivo recebe %d %v", code, err)
	}
	var s status
	if err := json.Unmarshal(body, &s); err != nil {
		return fail("Reinstale o pdvagent.", "a situação não pode ser lida: %v", err)
	}
	e.status = &s
	return ok("o token de suporte do arquivo é aceito")
}

func storeVerify(_ context.Context, e *examination) answer {
	if e.running {
		return skip("com o agente em execução, os dados são dele; pare-o para verificar")
	}
	if _, err := os.Stat(filepath.Join(e.DataDir, "pdvagent.db")); err != nil {
		return e.missing()
	}
	if e.Verify == nil {
		return skip("quem pergunta é o próprio agente, e os dados são dele; pare-o para verificar")
	}
	if err := e.Verify(); err != nil {
		return fail("Não apague nada: copie a pasta de dados e chame o suporte.", "%v", err)
	}
	return ok("todos os registros conferem")
}

// missing is the finding of a stopped agent without a database.
func (e *examination) missing() answer {
	if e.Missing == nil {
		return skip("ainda não há banco de dados")
	}
	missing, backup, err := e.Missing()
	const advice = "Antes de iniciar, procure o arquivo pdvagent.db (quarentena do antivírus, lixeira, outra pasta) e ponha-o de volta. Se não o achar, inicie: %s. Só para começar vazio, de propósito: pdvagent store new --confirm."
	switch {
	case err != nil:
		return fail("Confira os direitos da pasta de dados.", "%v", err)
	case !missing:
		return skip("ainda não há banco de dados")
	case backup.IsZero():
		return fail(fmt.Sprintf(advice, "o agente começa vazio, com alarme, porque não há backup; o que só estava no arquivo se perde"), "o banco de dados sumiu: havia um em %s", e.DataDir)
	}
	return fail(fmt.Sprintf(advice, "o agente o refaz do backup e retém o que talvez já tenha sido enviado; o que veio depois do backup se perde"),
		"o banco de dados sumiu de %s; o backup mais novo é de %s", e.DataDir, e.local(backup).Format("02/01/2006 15:04"))
}

// withStatus makes a check of one that needs the running agent's status.
func withStatus(check func(e *examination, s *status) answer) func(context.Context, *examination) answer {
	return func(_ context.Context, e *examination) answer {
		if e.status == nil {
			return skip("o agente não está em execução ou não aceita o token")
		}
		return check(e, e.status)
	}
}

// local gives a time as the shop's clocks show it; the machine's where the zone is unknown.
func (e *examination) local(at time.Time) time.Time {
	if zone, err := e.Zone(e.Timezone); err == nil {
		return at.In(zone)
	}
	return at.Local()
}

func alarms(ctx context.Context, e *examination) answer {
	return withStatus(func(_ *examination, s *status) answer {
		if len(s.Alarms) == 0 {
			return ok("nenhum")
		}
		var texts []string
		for _, alarm := range s.Alarms {
			texts = append(texts, alarm.Code+": "+alarm.Detail)
		}
		return warn("Siga o texto de cada alarme.", "%s", strings.Join(texts, " "))
	})(ctx, e)
}

func queueAge(ctx context.Context, e *examination) answer {
	return withStatus(func(e *examination, s *status) answer {
		if s.Queue.OldestAt == nil {
			return ok("nada a enviar")
		}
		age := e.Now().Sub(*s.Queue.OldestAt).Round(time.Second)
		if age > time.Hour {
			return warn("As vendas estão guardadas; veja o caminho até a nuvem.", "%d por enviar, a mais antiga há %v", s.Queue.Pending, age)
		}
		return ok("%d por enviar, a mais antiga há %v", s.Queue.Pending, age)
	})(ctx, e)
}

func queueAttention(ctx context.Context, e *examination) answer {
	return withStatus(func(_ *examination, s *status) answer {
		if n := s.Queue.Dead + s.Queue.Held; n > 0 {
			return warn("Veja com pdvagent queue ls --state recusado e --state retido.", "%d recusados, %d retidos", s.Queue.Dead, s.Queue.Held)
		}
		return ok("nenhum")
	})(ctx, e)
}

func queueCounters(ctx context.Context, e *examination) answer {
	return withStatus(func(_ *examination, s *status) answer {
		q := s.Queue
		if sum := q.Pending + q.Sent + q.Dead + q.Held + q.Annulled + q.Discarded; sum != q.Accepted {
			return fail("Chame o suporte com um pdvagent support-bundle.", "aceitos %d, a soma dos estados é %d", q.Accepted, sum)
		}
		return ok("%d aceitos desde a primeira partida, todos em um estado", q.Accepted)
	})(ctx, e)
}

func deliveries(ctx context.Context, e *examination) answer {
	return withStatus(func(e *examination, s *status) answer {
		for _, cloud := range s.Clouds {
			if len(cloud.Paused) > 0 {
				return fail("Confira o token, base_url e o dialeto da seção mercafacil.", "%s: pausados %s", cloud.Name, strings.Join(cloud.Paused, ", "))
			}
			if !cloud.Online {
				return warn("Veja as verificações da nuvem abaixo.", "%s não responde desde %s (%s)", cloud.Name, e.local(s.Since).Format("02/01 15:04"), cmp.Or(cloud.Reason, "ainda não respondeu"))
			}
		}
		if s.Outage != nil {
			return ok("%d nuvem(ns) respondem; a última queda foi de %s a %s", len(s.Clouds), e.local(s.Outage.From).Format("02/01 15:04:05"),
				e.local(s.Outage.To).Format("02/01 15:04:05"))
		}
		return ok("%d nuvem(ns) respondem", len(s.Clouds))
	})(ctx, e)
}

func circuit(ctx context.Context, e *examination) answer {
	return withStatus(func(e *examination, s *status) answer {
		if s.Circuit != "closed" {
			return warn("O caixa é respondido sem descontos até a nuvem voltar.", "aberto desde %s", e.local(s.Since).Format("02/01 15:04"))
		}
		return ok("fechado: as chamadas vão à nuvem")
	})(ctx, e)
}

func clock(ctx context.Context, e *examination) answer {
	return withStatus(func(_ *examination, s *status) answer {
		for _, alarm := range s.Alarms {
			if alarm.Code == "clock_suspect" {
				return fail("Acerte data e hora; veja o servidor de hora e a pilha da placa.", "%s", alarm.Detail)
			}
		}
		return ok("não voltou nem saltou desde o início")
	})(ctx, e)
}

// journal looks when a till called last. Support's calls, the doctor's own among them, do not count.
func journal(_ context.Context, e *examination) answer {
	begun, last, err := e.LastTill()
	const day, shown = 24 * time.Hour, "02/01/2006 15:04"
	const advice = "O caixa não chama o agente há um dia: confira o endereço e o token (scope: till) no programa do caixa."
	switch {
	case err != nil:
		return skip("o diário não pode ser lido: %v", err)
	case begun.IsZero() && last.IsZero():
		return skip("ainda não há diário")
	case last.IsZero() && e.running && e.Now().Sub(begun) > day:
		return warn(advice, "nenhum caixa chamou desde %s", e.local(begun).Format(shown))
	case last.IsZero():
		return ok("nenhum caixa chamou ainda; o diário começa em %s", e.local(begun).Format(shown))
	case e.running && e.Now().Sub(last) > day:
		return warn(advice, "a última chamada de um caixa é de %s", e.local(last).Format(shown))
	}
	return ok("a última chamada de um caixa é de %s", e.local(last).Format(shown))
}

func logFile(_ context.Context, e *examination) answer {
	text, err := osfile.ReadFile(filepath.Join(e.DataDir, "log", "pdvagent.log"))
	if err != nil {
		return skip("ainda não há log")
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	lines = lines[max(0, len(lines)-1000):]
	last, n := "", 0
	for _, line := range lines {
		if strings.Contains(line, " level=ERROR ") {
			last, n = line, n+1
		}
	}
	if n > 0 {
		return warn("Veja o log em data_dir/log.", "%d erros nas últimas %d linhas; o último: %.200s", n, len(lines), last)
	}
	return ok("nenhum erro nas últimas %d linhas", len(lines))
}
