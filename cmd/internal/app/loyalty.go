package app

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"pdvagent/agent"
	"pdvagent/agent/config"
	"pdvagent/agent/loads/catalog"
	"pdvagent/agent/rawjson"
	"pdvagent/agent/sales/loyalty"
	"pdvagent/agent/sales/sender"
	"pdvagent/agent/sales/unread"
	"pdvagent/agent/upstream"
	"pdvagent/mercafacil"
	"pdvagent/store"
)

// loyaltyParts are sales and loads: what exists only where mercafacil is configured.
type loyaltyParts struct {
	cloud   *mercafacil.Client
	circuit *upstream.Circuit
	sales   *loyalty.Service // decides and queues
	sender  *sender.Sender   // delivers what is queued
	loads   *catalog.Loader
	unread  *unread.Keeper
}

// wireLoyalty makes the parts of sales and loads.
func (a *Assembly) wireLoyalty(context.Context) (err error) {
	if a.cfg.Mercafacil == nil {
		return nil
	}
	p := &a.loyalty
	p.cloud, err = mercafacil.New(mercafacil.Config{
		BaseURL: a.cfg.Mercafacil.BaseURL, Token: a.cfg.Mercafacil.Token.Reveal(), PDVVersion: a.cfg.Mercafacil.PDVVersion,
		Parallel: a.cfg.Sender.Parallel, Observe: a.observe, Dial: a.cfg.Dial, Now: a.cfg.Now,
	})
	if err != nil {
		return err
	}
	a.closers = append(a.closers, p.cloud.Close)
	if p.circuit, err = upstream.NewCircuit(upstream.CircuitConfig{Probe: p.cloud.Probe, Log: a.log, Now: a.cfg.Now}); err != nil {
		return err
	}
	if p.sales, err = a.newSales(); err != nil {
		return err
	}
	a.closers = append(a.closers, p.sales.Close) // before the connections that it uses
	if p.sender, err = a.newSender(); err != nil {
		return err
	}
	if p.loads, err = a.newLoader(); err != nil {
		return err
	}
	p.unread, err = unread.New(unread.Config{Store: a.Store, Bucket: store.UnreadRecords, Alarms: a.alarms, Log: a.log, Now: a.cfg.Now})
	return err
}

func (a *Assembly) newSales() (*loyalty.Service, error) {
	return loyalty.New(loyalty.Config{
		Store: a.Store, Cloud: a.loyalty.cloud, Circuit: a.loyalty.circuit,
		Enqueue: func(ctx context.Context, change agent.Change, body []byte) (agent.Committed, error) {
			return a.loyalty.sender.Enqueue(ctx, change, body) // made after this, before any call
		},
		Alarms: a.alarms, Log: a.log,
		CounterBucket: store.CounterRecords, SessionBucket: store.SessionRecords, MemberBucket: store.MemberRecords,
		LiveDeadline: time.Duration(a.cfg.Mercafacil.LiveDeadline), AbandonAfter: time.Duration(a.cfg.Loyalty.AbandonAfter),
		MemberCache: noneIfZero(a.cfg.Loyalty.MemberCache), UnknownMember: loyalty.Unknown(a.cfg.Loyalty.UnknownMember),
		KeepOfflineID: a.cfg.Loyalty.OfflineID == "keep", Shop: a.cfg.Shop.ID, Till: a.cfg.Shop.Till, Zone: a.zone,
		Dialect: a.dialect(), UUIDCoupons: a.cfg.Till.CouponID == "uuid", NewUUID: a.cfg.NewUUID, Now: a.cfg.Now,
	})
}

func (a *Assembly) newSender() (*sender.Sender, error) {
	return sender.New(sender.Config{
		Queue: a.Store, Cloud: a.loyalty.cloud, Preparer: a.loyalty.sales, Busy: a.loyalty.sales.Busy, Later: a.metrics.Retry, Alarms: a.alarms, Log: a.log,
		Parallel: a.cfg.Sender.Parallel, PerSecond: a.cfg.Sender.PerSecond,
		RetryMin: time.Duration(a.cfg.Sender.RetryMin), RetryMax: time.Duration(a.cfg.Sender.RetryMax), StartJitter: noneIfZero(a.cfg.Sender.StartJitter),
		Conflict: sender.CouponConflict(a.cfg.Mercafacil.CouponConflict), Now: a.cfg.Now,
	})
}

func (a *Assembly) newLoader() (*catalog.Loader, error) {
	wrapped := a.cfg.Mercafacil.Wrapper == "object"
	return catalog.New(catalog.Config{
		Store: a.Store, Digest: a.Store.Digest, NewID: uuid.NewString, Bucket: store.BatchRecords,
		Ledger:  func(whole bool) (catalog.Ledger, error) { return a.Store.OpenCatalog(whole) },
		Shape:   func(kind agent.Kind) agent.LoadShape { return mercafacil.Shape(kind, wrapped) },
		Read:    readRecord,
		Dialect: a.dialect(), MaxBytes: mercafacil.MaxBatch, Alarms: a.alarms, Log: a.log, Now: a.cfg.Now,
	})
}

// readRecord reads one record of a load: an old receipt as a live one.
func readRecord(shape agent.LoadShape, record rawjson.Value) (key string, wire []byte, faults []agent.Fault) {
	if shape.Key == mercafacil.FieldCoupon {
		return loyalty.CheckSale(record)
	}
	key, form := mercafacil.ReadRecord(shape, record)
	return key, form.Wire(), form.Faults
}

// dialect is the one that the shop's cloud speaks.
func (a *Assembly) dialect() agent.Dialect { return agent.Dialect(a.cfg.Mercafacil.Dialect) }

// run is the parts that run; none where mercafacil is not configured.
func (p loyaltyParts) run() []func(context.Context) error {
	if p.sender == nil {
		return nil
	}
	return []func(context.Context) error{p.sender.Run, p.loads.Run, p.circuit.Run}
}

// setToken makes calls to the cloud use the token of a changed configuration. A section that was removed needs a restart.
func (p loyaltyParts) setToken(cfg config.Config) error {
	if cfg.Mercafacil == nil {
		return errors.New("the section is gone")
	}
	p.cloud.SetToken(cfg.Mercafacil.Token.Reveal())
	return nil
}

// noneIfZero turns 0s of the file into the shortest time there is: the parts' zero means their default.
func noneIfZero(d config.Duration) time.Duration { return max(time.Duration(d), time.Nanosecond) }
