package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"pdvagent/cmd/internal/rig"
)

// errNoSlowDisk says that this system cannot delay the syncs of a process.
var errNoSlowDisk = errors.New("syncs cannot be delayed here")

// tillBench is an agent on a slow disk, and its tills.
type tillBench struct {
	*agentProcess
	disk  *slowDisk
	row   tillRow
	tills []*rig.Till

	mu    sync.Mutex
	waits map[string][]float64
}

// measureRow starts an agent and lets its tills sell.
func measureRow(ctx context.Context, folder string, row tillRow, sales int) (_ tillRow, err error) {
	b := &tillBench{row: row, waits: make(map[string][]float64)}
	clouds, err := rig.StartClouds(ctx, true)
	if err != nil {
		return row, err
	}
	defer clouds.Close()
	if b.agentProcess, err = newAgentProcess(ctx, folder, clouds.BaseURL(), "per_second: 20 ", "per_second: 1000 "); err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, b.stop(), b.disk.stop(), os.RemoveAll(folder)) }()
	const appends = 21
	if b.disk, b.process, b.row.raw, err = startOn(ctx, row.syncTime(), b.configPath, appends); err != nil {
		return row, err
	}
	if row.delay > 0 && !b.disk.counts() {
		return row, errNoSlowDisk
	}
	if _, err := b.untilHealthy(ctx, time.Now()); err != nil {
		return row, err
	}
	for range row.tills {
		b.tills = append(b.tills, rig.NewTill(b.till.Base, b.till.Token, b.till.SupportToken))
	}
	if err := b.measure(ctx, sales); err != nil {
		return row, fmt.Errorf("%d ms, %d tills: %w", row.delay, row.tills, err)
	}
	return b.row, nil
}

func (b *tillBench) measure(ctx context.Context, sales int) error {
	if err := b.sell(ctx, "aquece", 2); err != nil { // connections, the first pages of the file
		return err
	}
	clear(b.waits)
	before, err := b.spent(ctx)
	if err != nil {
		return err
	}
	if err := b.sell(ctx, "venda", sales); err != nil {
		return err
	}
	after, err := b.spent(ctx)
	if err != nil {
		return err
	}
	b.row.waits, b.row.costs = make(map[string][2]float64), make(map[string]float64)
	for call, waits := range b.waits {
		b.row.waits[call] = [2]float64{median(waits), percentile(waits, 99)}
	}
	for key, value := range after {
		b.row.costs[key] = (value - before[key]) / float64(sales*b.row.tills)
	}
	if b.row.delay > 0 || b.row.tills > 1 { // calls are the same there
		return nil
	}
	return b.trace(ctx, (sales+3)/4)
}

// sell makes sales on every till, and waits until all are delivered.
func (b *tillBench) sell(ctx context.Context, name string, sales int) error {
	var group sync.WaitGroup
	failures := make([]error, len(b.tills))
	for i, till := range b.tills {
		group.Go(func() {
			failures[i] = sleep(ctx, b.pause()*time.Duration(i)/time.Duration(len(b.tills)))
			for n := 0; n < sales && failures[i] == nil; n++ {
				failures[i] = b.sale(ctx, till, fmt.Sprintf("%s-%d-%d", name, i, n))
			}
		})
	}
	group.Wait()
	return errors.Join(errors.Join(failures...), b.till.WaitDrained(ctx))
}

// pause is the time between two calls of a till: what the agent does after an answer is done by then, as it is at a counter.
func (b *tillBench) pause() time.Duration {
	const commits = 3 // two of a delivery, and half of another till's
	return 15*time.Millisecond + 2*commits*b.row.syncTime()
}

// sale is a whole sale of a member, with discounts.
func (b *tillBench) sale(ctx context.Context, till *rig.Till, coupon string) error {
	lines := []rig.Line{rig.Coffee(3), rig.Cheese(1235)}
	var session, offer rig.LiveAnswer
	for i, call := range []func() error{
		func() (err error) { session, err = till.Start(ctx, "cliente", rig.Member); return err },
		func() (err error) { offer, err = till.Apply(ctx, "cesta", session.ID, rig.Member, lines); return err },
		func() error { return till.Confirm(ctx, coupon, session.ID) },
		func() error { return till.Receipt(ctx, coupon, rig.Member, lines, offer) },
	} {
		begun := time.Now()
		err := call()
		b.note(tillCalls[i], time.Since(begun))
		if err := errors.Join(err, sleep(ctx, b.pause())); err != nil {
			return err
		}
	}
	return nil
}

func (b *tillBench) note(call string, took time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waits[call] = append(b.waits[call], milliseconds(took))
}

// spent is what the agent has used since its start, by the keys of tillCosts: from its metrics, the kernel and the disk.
func (b *tillBench) spent(ctx context.Context) (map[string]float64, error) {
	text, err := b.till.Metrics(ctx)
	if err != nil {
		return nil, err
	}
	spent := make(map[string]float64)
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		for _, metric := range []struct {
			name, key string
			factor    float64
		}{
			{"pdvagent_store_commit_duration_seconds_count", "commits", 1},
			{"process_cpu_seconds_total", "processor_ms", 1000},
			{"go_memstats_mallocs_total", "allocations", 1},
		} {
			var number float64
			if _, err := fmt.Sscan(value, &number); err == nil && name == metric.name {
				spent[metric.key] = number * metric.factor
			}
		}
	}
	if written := processStatus(fmt.Sprintf("/proc/%d/io", b.process.PID()), "write_bytes"); written > 0 {
		spent["device_kilobytes"] = float64(written) / 1000
	}
	if b.disk.counts() {
		spent["syncs"] = float64(b.disk.synced())
	}
	return spent, nil
}

// appendTimes gives the median time in milliseconds of an append of 4 KiB and its sync.
func appendTimes(ctx context.Context, path string, appends int) (float64, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return 0, err
	}
	block, times := make([]byte, 4096), make([]float64, 0, appends)
	for n := 0; n < appends && err == nil && ctx.Err() == nil; n++ {
		begun := time.Now()
		if _, err = file.Write(block); err == nil {
			err = dataSync(file)
		}
		times = append(times, milliseconds(time.Since(begun)))
	}
	return median(times), errors.Join(err, ctx.Err(), file.Close())
}
