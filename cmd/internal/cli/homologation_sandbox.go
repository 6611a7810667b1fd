package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"pdvagent/agent/config"
	"pdvagent/agent/ops/evidence"
	kit "pdvagent/agent/ops/homologation"
	"pdvagent/agent/sandbox"
	"pdvagent/cmd/internal/app"
	"pdvagent/cmd/internal/rig"
	"pdvagent/mercafacil/homologation"
)

// sandboxScene is the simulated cloud: it begins anew for every item.
type sandboxScene struct {
	*stage
	clouds *sandbox.Sandbox
	plan   *homologation.Plan
}

// Prepare puts the item's members and offers into an empty cloud.
func (s *sandboxScene) Prepare(_ context.Context, item homologation.Item) error {
	sim := s.clouds.Mercafacil
	sim.Reset()
	for _, person := range s.plan.People {
		if !person.Member {
			continue
		}
		if err := sim.AddMember(fmt.Sprintf(`{"document_no":%q,"name":%q,"notice":%q}`, person.Document, person.Name, person.Notice)); err != nil {
			return err
		}
	}
	for _, role := range item.Needs.Offers {
		offer, _ := s.plan.Offer(role)
		text, err := offerText(s.plan, offer)
		if err == nil {
			err = sim.AddOffer(text)
		}
		if err != nil {
			return fmt.Errorf("offer %s: %w", role, err)
		}
	}
	return nil
}

// offerText is an offer as the sandbox takes it: with the products and documents of the roles.
func offerText(plan *homologation.Plan, offer homologation.Offer) (string, error) {
	var fields map[string]any
	if err := json.Unmarshal(offer.Offer, &fields); err != nil {
		return "", err
	}
	fields["id"] = offer.Role
	product := func(in map[string]any) {
		if role, ok := in["product"].(string); ok {
			found, _ := plan.Product(role)
			in["product"] = found.SKU
		}
	}
	product(fields)
	triggers, _ := fields["triggers"].([]any)
	for _, trigger := range triggers {
		if in, ok := trigger.(map[string]any); ok {
			product(in)
		}
	}
	documents, _ := fields["documents"].([]any)
	for i, role := range documents {
		person, _ := plan.Person(fmt.Sprint(role))
		documents[i] = person.Document
	}
	text, err := json.Marshal(fields)
	return string(text), err
}

// Away takes the cloud off the network.
func (s *sandboxScene) Away(context.Context) error {
	s.clouds.Leave()
	return nil
}

// Back brings it back, and waits until the agent has noticed.
func (s *sandboxScene) Back(ctx context.Context) error {
	if err := s.clouds.Return(ctx); err != nil {
		return err
	}
	return s.online(ctx)
}

// Settle waits until the queue is empty.
func (s *sandboxScene) Settle(ctx context.Context) error { return s.status.WaitDrained(ctx) }

// longToken is longer than the 500 characters that the vendor asks for (H8).
func longToken() string { return strings.Repeat("token-de-homologacao.", 31) }

// openSandbox starts the simulated clouds and an agent with its data below folder.
func openSandbox(ctx context.Context, plan *homologation.Plan, folder string, own own) (*sandboxScene, error) {
	address, err := rig.FreeAddress(ctx)
	if err != nil {
		return nil, err
	}
	clouds, err := sandbox.Start(ctx, sandbox.Config{Listen: address, Tokens: []string{longToken()}, Log: slog.New(slog.DiscardHandler), Now: own.now, ID: own.ids.ID})
	if err != nil {
		return nil, err
	}
	answers, err := rig.Answers(ctx, folder, clouds.BaseURL())
	if err != nil {
		clouds.Close()
		return nil, err
	}
	answers.Token, answers.Primary = longToken(), true
	file, err := rig.WriteConfig(answers, "retry_min: 5s ", "retry_min: 200ms ", "retry_max: 30m", "retry_max: 1s", "start_jitter: 60s", "start_jitter: 0s", "per_second: 20 ", "per_second: 1000 ", "live_deadline: 2500ms", "live_deadline: 20s")
	if err != nil {
		clouds.Close()
		return nil, err
	}
	cfg, _, err := config.Load(file, os.LookupEnv)
	if err != nil {
		clouds.Close()
		return nil, err
	}
	running, err := startStage(ctx, plan, app.Config{Config: cfg, File: file, NewUUID: func() string { return own.ids.ID("session") }}, own)
	if err != nil {
		clouds.Close()
		return nil, err
	}
	return &sandboxScene{stage: running, clouds: clouds, plan: plan}, nil
}

// close ends agent and clouds.
func (s *sandboxScene) close() {
	s.stop()
	s.clouds.Close()
}

// cover is what the report says of this agent. Its cloud is at another port each time.
func (s *sandboxScene) cover() evidence.Cover {
	cover := s.stage.cover()
	cover.BaseURL = "nuvem simulada, nesta máquina"
	return cover
}

var _ kit.Scene = (*sandboxScene)(nil)
