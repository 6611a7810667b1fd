package app

import (
	"context"

	"pdvagent/agent"
	"pdvagent/agent/chain"
	"pdvagent/agent/ops/uplink"
)

// wireChain makes the connection to the chain's hub, where the configuration has an invitation to one.
func (a *Assembly) wireChain(context.Context) (err error) {
	if a.cfg.Chain.Invitation == "" {
		return nil
	}
	a.uplink, err = uplink.New(uplink.Config{
		Invitation: a.cfg.Chain.Invitation.Reveal(), Dir: a.cfg.DataDir,
		Agent: a.Store.AgentID(), Shop: a.cfg.Shop.ID, Till: a.cfg.Shop.Till, Version: Version,
		State: a.chainState, Changed: a.Store.Changed, Alarms: a.alarms, Log: a.log, Now: a.cfg.Now,
	})
	return err
}

// chainState is how the agent is, for the hub.
func (a *Assembly) chainState() chain.State {
	counters := a.Store.Counters()
	state := chain.State{
		Primary: a.cfg.Shop.Primary,
		Queue:   chain.Queue{Pending: counters.Total(agent.Pending), Held: counters.Total(agent.Held), Dead: counters.Total(agent.Dead)},
	}
	if oldest, err := a.Store.OldestPending(); err == nil { // a store that cannot be read has its own alarm
		state.Queue.Oldest = oldest
	}
	if sender, circuit := a.loyalty.sender, a.loyalty.circuit; sender != nil && circuit != nil {
		state.Online = agent.ContactOf(sender.Link(), circuit.State()).Online
	}
	for _, alarm := range a.board.List() {
		state.Alarms = append(state.Alarms, chain.Alarm{Code: alarm.Code, Since: alarm.Since})
	}
	return state
}
