package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/ops/audit"
	"pdvagent/agent/ops/settings"
	"pdvagent/mercafacil"
)

// Recover takes back a change of the configuration that was being tried when the agent last ran. It comes before the file is
// read: what was tried may be why the agent does not start.
func Recover(file string, log *slog.Logger) {
	editor := &config.Editor{Path: file, Folder: filepath.Join(config.DataDirOf(file), "config")}
	t, done, err := editor.RecoverTrial()
	switch {
	case err != nil: // the running agent tries again
		log.Error("trial_not_taken_back", "error", err)
	case done:
		log.Warn("trial_taken_back", "state", t.State, "fields", strings.Join(t.Changed, " "))
	}
}

// trials is what a try of a change needs.
func (a *Assembly) trials() settings.Trials {
	t := settings.Trials{Ended: a.tellTrial, Forgotten: func() { a.alarms.Clear(agent.AlarmTrial, "") }}
	if a.cfg.Mercafacil != nil {
		t.Probe, t.Tentative = a.tryToken, a.loyalty.sender.SetTentative
	}
	return t
}

// probeWithin bounds the question to the cloud before a try.
const probeWithin = 8 * time.Second

// tryToken asks the cloud whether it takes a new token, by a call that opens and ends nothing: it names nothing.
func (a *Assembly) tryToken(ctx context.Context, before, after config.Config) error {
	if before.Mercafacil == nil || after.Mercafacil == nil || before.Mercafacil.Token == after.Mercafacil.Token {
		return nil
	}
	client, err := mercafacil.New(mercafacil.Config{
		BaseURL: a.cfg.Mercafacil.BaseURL, Token: after.Mercafacil.Token.Reveal(), PDVVersion: a.cfg.Mercafacil.PDVVersion,
		Parallel: 1, Observe: a.observe, Dial: a.cfg.Dial,
	})
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	switch outcome := client.Call(ctx, agent.CallMessage, a.dialect(), []byte("{}")); {
	case outcome.Status == http.StatusUnauthorized, outcome.Status == http.StatusForbidden:
		return config.Faults{{Field: "mercafacil.token", Detail: fmt.Sprintf("a Mercafácil recusa este token (%d); nada foi alterado", outcome.Status)}}
	case !outcome.Answered():
		return agent.Errorf(agent.CodeCloudAway, nil, "A Mercafácil não respondeu, e sem ela não se sabe se o token serve. Nada foi alterado; tente de novo quando houver contato.")
	}
	return nil
}

// trialAlarm is how long it is an alarm that nobody kept a change.
const trialAlarm = 24 * time.Hour

// tellTrial tells of a try that ended without a person's word: by an alarm, and, where it ended just now, in the trail.
func (a *Assembly) tellTrial(t config.Trial) {
	if t.End == config.ByPerson || (t.State != config.TrialBack && t.State != config.TrialEdited) {
		return
	}
	what := fmt.Sprintf("A mudança que %s experimentou (%s) não foi confirmada", t.By, strings.Join(t.Changed, ", "))
	detail := what + " a tempo e foi desfeita. Se ela serve, grave-a na configuração."
	switch {
	case t.State == config.TrialEdited:
		detail = fmt.Sprintf("Durante a experiência de %s (%s), alguém mudou o arquivo de configuração. Ele ficou como está; confira-o.", t.By, strings.Join(t.Changed, ", "))
	case t.End == config.ByRestart:
		detail = what + ", o pdvagent foi reiniciado e ela foi desfeita. Se ela serve, grave-a na configuração."
	}
	left := time.Until(t.Ended.Add(trialAlarm))
	if left > 0 {
		a.alarms.Raise(agent.Alarm{Code: agent.AlarmTrial, Since: t.Ended, Detail: detail})
		time.AfterFunc(left, func() { a.alarms.Clear(agent.AlarmTrial, "") })
	}
	if time.Since(t.Ended) > time.Minute { // an earlier run has told
		return
	}
	entry := audit.Entry{At: time.Now().UTC(), Who: config.Myself, Via: audit.ByProgram, Action: "DELETE /v1/config/trial", What: "Desfez uma mudança que ninguém confirmou: " + strings.Join(t.Changed, ", "), Outcome: audit.Done}
	if t.State == config.TrialEdited {
		entry.What = "Encerrou uma experiência: o arquivo foi mudado por fora"
	}
	if err := a.trail.Write(context.Background(), entry); err != nil {
		a.log.Error("trail_not_written", "error", err)
	}
}
