package settlement

import (
	"context"
	"fmt"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/records"
	"pdvagent/payments"
)

// warnings are the days before the certificate's end from which on a new alarm is raised.
func warnings() []int { return []int{30, 15, 5} }

// Run raises the alarms of the boletos that wait for a person, then checks the certificate twice a day until ctx ends.
func (l *Ledger) Run(ctx context.Context) error {
	err := each(l.boletos, typeBoleto, func(row records.Row[Boleto]) error {
		b, err := row.Value()
		if err != nil {
			return err
		}
		if b.Attention {
			l.alarm(b)
		}
		return ctx.Err()
	})
	if err != nil && ctx.Err() == nil {
		l.cfg.Log.Error("boletos_not_read", "error", err)
	}
	if l.cfg.Ends == nil {
		return nil
	}
	for {
		l.certificate()
		if pause(ctx, 12*time.Hour) != nil {
			return nil
		}
	}
}

// certificate raises the certificate's alarm, and clears those that are no longer true.
func (l *Ledger) certificate() {
	subject, detail := l.certificateTrouble()
	for _, known := range []string{"invalid", "30", "15", "5"} {
		if known != subject {
			l.cfg.Alarms.Clear(agent.AlarmCertificate, known)
		}
	}
	if subject != "" {
		l.cfg.Alarms.Raise(agent.Alarm{Code: agent.AlarmCertificate, Subject: subject, Detail: detail, Since: l.cfg.Now()})
	}
}

func (l *Ledger) certificateTrouble() (subject, detail string) {
	ends, err := l.cfg.Ends()
	if err != nil {
		return "invalid", payments.FailureOf(err).Words("o " + l.cfg.Vendor)
	}
	days := int(ends.Sub(l.cfg.Now()).Hours() / 24)
	for _, most := range warnings() {
		if days <= most {
			subject = fmt.Sprint(most)
		}
	}
	return subject, fmt.Sprintf("O certificado do %s vence em %s (faltam %d dias). Renove-o e troque o arquivo; o pdvagent o lê sem reiniciar.", l.cfg.Vendor, ends.Format("02/01/2006"), days)
}
