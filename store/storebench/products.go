package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	_ "modernc.org/sqlite" // registers the driver

	"pdvagent/agent"
	"pdvagent/store"
)

// put makes one message durable.
type put = func(ctx context.Context, body []byte) error

func raw(dir string) (put, func() error, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	file, err := os.OpenFile(filepath.Join(dir, "raw"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, nil, err
	}
	var mu sync.Mutex
	block := make([]byte, 4096)
	return func(context.Context, []byte) error {
		mu.Lock()
		defer mu.Unlock()
		if _, err := file.Write(block); err != nil {
			return err
		}
		return syscall.Fdatasync(int(file.Fd()))
	}, file.Close, nil
}

// ours writes what a sale is: job, state, natural key, group, ready entry, counters.
func ours(dir string) (put, func() error, error) {
	s, err := store.Open(store.Config{Dir: dir})
	if err != nil {
		return nil, nil, err
	}
	var n atomic.Int64
	return func(ctx context.Context, body []byte) error {
		id := fmt.Sprint("bench-", n.Add(1))
		_, err := s.Commit(ctx, agent.Change{Jobs: []agent.Job{{
			Kind: agent.KindCoupon, Dialect: agent.V2, Session: id, Coupon: id, Unique: agent.CouponGroup(id), Body: body, CreatedAt: time.Now(),
		}}})
		return err
	}, s.Close, nil
}

func jetStream(dir string) (put, func() error, error) {
	s, err := server.NewServer(&server.Options{JetStream: true, StoreDir: dir, SyncAlways: true, DontListen: true, NoLog: true, NoSigs: true})
	if err != nil {
		return nil, nil, err
	}
	go s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		return nil, nil, errors.New("the server does not start")
	}
	conn, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		return nil, nil, err
	}
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, nil, err
	}
	if _, err := js.CreateStream(context.Background(), jetstream.StreamConfig{Name: "bench", Subjects: []string{"bench"}, Storage: jetstream.FileStorage}); err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context, body []byte) error {
			_, err := js.Publish(ctx, "bench", body)
			return err
		}, func() error {
			conn.Close()
			s.Shutdown()
			return nil
		}, nil
}

func sqlite(dir string) (put, func() error, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, err
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, "bench.db")+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(10000)")
	if err != nil {
		return nil, nil, err
	}
	db.SetMaxOpenConns(1) // one writer at a time is what it has
	if _, err := db.Exec("CREATE TABLE job (seq INTEGER PRIMARY KEY, body BLOB)"); err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context, body []byte) error {
		_, err := db.ExecContext(ctx, "INSERT INTO job (body) VALUES (?)", body)
		return err
	}, db.Close, nil
}
