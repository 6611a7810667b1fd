package tillapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"pdvagent/agent"
	"pdvagent/agent/reconcile"
	"pdvagent/agent/web"
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

type unset struct{ Settings }

type noClock struct{ Routines }

type noLoads struct{ Loads }

type noEvents struct{ eventStream }

type eventStream = Events

type emptyStore struct {
	Queue
	Overview
}

func (emptyStore) Counters() agent.Counters { return agent.Counters{} }

func TestFullStoreIsToldByStatusAndAlarmUntilThereIsRoom(t *testing.T) {
	sales := &fullSales{err: agent.Errorf(agent.CodeStoreFull, nil, "cheio")}
	alarms := new(agent.Alarms)
	api, err := New(Config{
		Sales: sales, Sessions: silent{}, Circuit: func() agent.Circuit { return agent.Circuit{} }, Engine: idle{}, Queue: emptyStore{}, Overview: emptyStore{}, Alarms: alarms, Journal: noJournal{}, Board: nobody{}, Metrics: http.NotFoundHandler(), Settings: unset{}, Routines: noClock{}, Loads: noLoads{}, Zone: time.UTC, Events: noEvents{},
		Day:   func(string) (reconcile.Report, error) { return reconcile.Report{}, nil },
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

// The document and the table of routes say the same, and the same of who may.
func TestDocumentHasEveryRouteAndNoOther(t *testing.T) {
	text, err := docs.ReadFile("docs/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Paths map[string]map[string]struct {
			Tags     []string
			Security *[]any
		}
	}
	if err := yaml.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	api := &API{cfg: Config{Dialect: agent.V2, Metrics: http.NotFoundHandler()}}
	routes := api.Routes()
	for _, route := range routes {
		operation, ok := document.Paths[route.Path][strings.ToLower(route.Method)]
		if !ok {
			t.Errorf("the document does not have %s %s", route.Method, route.Path)
			continue
		}
		if public := operation.Security != nil && len(*operation.Security) == 0; public != (route.Scope == web.Public) {
			t.Errorf("%s %s: without a token %v in the document", route.Method, route.Path, public)
		}
		want := map[web.Scope]string{web.Public: "Aberto", web.Support: "Suporte", web.Admin: "Configuração"}[route.Scope]
		if tag := operation.Tags[0]; want != "" && tag != want || want == "" && (tag == "Aberto" || tag == "Suporte" || tag == "Configuração") {
			t.Errorf("%s %s stands under %s", route.Method, route.Path, tag)
		}
	}
	documented := 0
	for _, operations := range document.Paths {
		documented += len(operations)
	}
	if documented != len(routes) {
		t.Errorf("the document has %d operations, the table %d routes", documented, len(routes))
	}
}
