package sender_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
	"pdvagent/agent/sales/sender"
)

// Another agent with a copy of the store has sent some of the sales: what else was there at the start is held.
func TestSalesThatTheCloudHasFromACopyHoldTheRest(t *testing.T) {
	duplicate := says(409, `{"message":"ja cadastrado"}`)
	for name, c := range map[string]struct {
		answer func(d delivery) agent.Outcome
		today  bool // a sale of the day is there as well
		held   int
	}{
		"sent by a copy":           {func(d delivery) agent.Outcome { return duplicate }, false, 7},
		"in other words":           {func(delivery) agent.Outcome { return says(400, `{"message":"coupon already exists"}`) }, false, 7},
		"the ERP sends every sale": {func(delivery) agent.Outcome { return duplicate }, true, 0},
		"refused":                  {func(delivery) agent.Outcome { return says(422, `{"message":"invalid total"}`) }, false, 0},
		"taken":                    {func(delivery) agent.Outcome { return ok }, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var old []uint64
			inShop(t, func(cfg *sender.Config) { cfg.Parallel, cfg.StartJitter = 1, time.Hour }, func(s *shop) {
				old = s.add(coupons(10)...)
				s.cloud.tell(c.answer)
			}, func(s *shop) {
				if c.today {
					s.add(coupon("today")) // it does not wait for the backlog
					wait(time.Second)
				}
				wait(3 * time.Hour)
				held := 0
				for _, seq := range old {
					if status := s.job(seq).Status; status.State == agent.Held && status.Reason == agent.ReasonCloned {
						held++
					}
				}
				said := strings.Contains(fmt.Sprint(s.alarms.List()), "clone")
				if held != c.held || said != (c.held > 0) {
					t.Errorf("%d are held, want %d; alarms %+v", held, c.held, s.alarms.List())
				}
				fresh := s.add(coupon("fresh"))[0]
				wait(time.Minute)
				if state := s.job(fresh).Status.State; state == agent.Held || state == agent.Pending {
					t.Errorf("a sale of later is %s", state)
				}
			})
		})
	}
}
