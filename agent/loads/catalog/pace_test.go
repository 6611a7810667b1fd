package catalog

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestALoadRestsWhileThereAreSales(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sales := uint64(7)
		p := pace{sales: func() uint64 { return sales }}
		work := func(records int) time.Duration { // each takes 100 us
			begun := time.Now()
			for n := range records {
				p.rest(t.Context(), n)
				<-time.After(100 * time.Microsecond)
			}
			return time.Since(begun)
		}
		if took := work(1600); took != 160*time.Millisecond {
			t.Errorf("without sales 1,600 records took %v", took)
		}
		sales++
		if took := work(1600); took < 450*time.Millisecond || took > 480*time.Millisecond {
			t.Errorf("with a sale 1,600 records took %v", took)
		}
		<-time.After(lull)
		if took := work(1600); took > 170*time.Millisecond {
			t.Errorf("a second after the last sale 1,600 records took %v", took)
		}
	})
}
