package sender

import (
	"fmt"
	"net/http"
	"time"

	"pdvagent/agent"
)

// A refusal in words that may not last (the cloud may still be storing the receipt) is tried again five times, over at least
// an hour, and then ends the job.
const (
	doubtTries = 5 // after the first
	doubtLate  = 2 // of them, after half an hour and after the whole one; the others as after any failure
	doubtFor   = time.Hour
)

// doubt applies such a refusal to a status whose failure was noted.
func (s *Sender) doubt(st *agent.Status, now time.Time) {
	f := st.Failure
	if f.Since.IsZero() || f.Since.After(now) {
		f.Since = now
	}
	f.Doubts++
	lasted := now.Sub(f.Since)
	if f.Doubts > doubtTries && lasted >= doubtFor {
		st.State, st.Reason = agent.Dead, agent.ReasonDenied
		if f.Status == http.StatusNotFound {
			st.Reason = agent.ReasonUnknown
		}
		f.Detail = fmt.Sprintf("%s: %d tentativas em %s", doubtWords(*f), f.Doubts, lasted.Round(time.Minute))
		return
	}
	st.NotBefore = now.Add(backoff(s.cfg.RetryMin, s.cfg.RetryMax, f.Doubts))
	if left := doubtTries - f.Doubts; left < doubtLate { // the last ones, at equal distances to the hour's end
		at := f.Since.Add(doubtFor - doubtFor/doubtLate*time.Duration(max(left, 0)))
		if at.After(st.NotBefore) {
			st.NotBefore = at
		}
	}
}

// doubtWords says what the cloud says, for a person.
func doubtWords(f agent.Failure) string {
	switch {
	case f.Class == agent.ClassDenied:
		return "A Mercafácil respondeu que não aceitou este registro, com status de sucesso"
	case f.Status == http.StatusNotFound:
		return "A Mercafácil não conhece este cupom ou esta transação (404); uma venda de antes do agente não está lá para ser cancelada"
	}
	return fmt.Sprintf("A Mercafácil recusou este registro (%d)", f.Status)
}
