package tillapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pdvagent/agent"
)

func TestPreferWaitIsReadAsTheStandardSays(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"": 0, "wait=5": 5 * time.Second, "respond-async, wait=10": 10 * time.Second, "WAIT = 3": 3 * time.Second, `wait="7"`: 7 * time.Second,
		"wait=31": 30 * time.Second, "wait=999999": 30 * time.Second, "wait=0": 0, "wait=-1": 0, "wait=soon": 0, "waiting=5": 0, "wait": 0,
	} {
		if got := preferWait([]string{text}); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

// fullSales is a store without room, until it has some.
type fullSales struct {
	Sales
	err error
}

func (f *fullSales) Accept(context.Context, agent.Submission) (agent.Receipt, error) {
	return agent.Receipt{Job: "1"}, f.err
}

type idle struct{ Engine }

type silent struct{ Sessions }

type noJournal struct{ Journal }

type nobody struct{ Board }

type emptyStore struct {
	Queue
	Overview
}

func (emptyStore) Counters() agent.Counters { return agent.Counters{} }

func TestFullStoreIsToldByStatusAndAlarmUntilThereIsRoom(t *testing.T) {
	sales := &fullSales{err: agent.Errorf(agent.CodeStoreFull, nil, "cheio")}
	alarms := new(agent.Alarms)
	api, err := New(Config{
		Sales: sales, Sessions: silent{}, Circuit: func() agent.Circuit { return agent.Circuit{} }, Engine: idle{}, Queue: emptyStore{}, Overview: emptyStore{}, Alarms: alarms, Journal: noJournal{}, Board: nobody{}, Metrics: http.NotFoundHandler(),
		Wires: func(uint64, int) ([]byte, error) { return nil, nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	post := func() int {
		request := httptest.NewRequest(http.MethodPost, "/v2/coupons", strings.NewReader("{}"))
		request.Header.Set("Content-Type", "application/json")
		recorder := httptest.NewRecorder()
		api.submit(agent.KindCoupon, agent.V2)(recorder, request)
		return recorder.Code
	}
	if status := post(); status != http.StatusInsufficientStorage || len(alarms.List()) != 1 || alarms.List()[0].Code != agent.AlarmStoreFull {
		t.Errorf("got %d, alarms %v", status, alarms.List())
	}
	sales.err = nil
	if status := post(); status != http.StatusAccepted || len(alarms.List()) != 0 {
		t.Errorf("got %d, alarms %v", status, alarms.List())
	}
}
