// Package config reads, checks and edits the agent's configuration file. Reading is strict: unknown keys are refused, all
// faults are reported at once with their lines, defaults are filled in. Secrets come from the file, from files of their own
// or from the environment; no format prints them. [Editor] changes fields, keeps the comments and the latest versions.
//
// It starts nothing and reads no till's or cloud's data. cmd/internal/app and cmd/internal/cli load it and hand its values to
// the parts; package settings edits it while the agent runs. It calls packages osfile and loads/source.
package config

import "time"

// Config is the file (till-api.md section 5).
type Config struct {
	Version    int         `yaml:"version"`
	DataDir    string      `yaml:"data_dir"` // absolute; made if missing
	Shop       Shop        `yaml:"shop"`
	API        API         `yaml:"api"`
	Till       Till        `yaml:"till"`
	Mercafacil *Mercafacil `yaml:"mercafacil,omitempty"` // nil: no loyalty cloud
	Loyalty    Loyalty     `yaml:"loyalty"`
	Sender     Sender      `yaml:"sender"`
	Network    Network     `yaml:"network"`
	Store      Store       `yaml:"store"`
	Backup     Backup      `yaml:"backup,omitempty"`
	Security   Security    `yaml:"security"`
	Chain      Chain       `yaml:"chain,omitempty"`
	Traffic    Traffic     `yaml:"traffic"`
	Log        Log         `yaml:"log"`

	Routines map[string]Routine `yaml:"routines,omitempty"` // by name; [Config.Routine] fills in the defaults

	Payments Payments `yaml:"payments,omitempty"`
}

// Shop identifies the shop and the till.
type Shop struct {
	ID       string `yaml:"id"`
	Till     string `yaml:"till"`
	Timezone string `yaml:"timezone"` // default America/Sao_Paulo
	Primary  bool   `yaml:"primary"`  // exactly one till of a shop
}

// DefaultListen is api.listen of a file that does not say it.
const DefaultListen = "127.0.0.1:8780"

// API is the local listener.
type API struct {
	Listen         string   `yaml:"listen"` // loopback only; default 127.0.0.1:8780
	AllowedOrigins []string `yaml:"allowed_origins"`
	Tokens         []Token  `yaml:"tokens"`
}

// Token authenticates callers of the local API. PDVAGENT_API_TOKEN_<NAME> in the environment takes precedence.
type Token struct {
	Name  string `yaml:"name"`
	Scope string `yaml:"scope"` // till, support or admin
	Token Secret `yaml:"token,omitempty"`
	File  string `yaml:"token_file,omitempty"`
}

// Till adapts the local API to a till program.
type Till struct {
	QueuedStatus int    `yaml:"queued_status"` // 202 (default) or 200
	CouponID     string `yaml:"coupon_id"`     // composed (default) or uuid
	Charset      string `yaml:"charset"`       // of bodies that declare none: utf-8 (default) or windows-1252
}

// Mercafacil is the connection to the loyalty cloud. PDVAGENT_MERCAFACIL_TOKEN in the environment takes precedence.
type Mercafacil struct {
	BaseURL        string   `yaml:"base_url"`
	Token          Secret   `yaml:"token,omitempty"` // any length
	TokenFile      string   `yaml:"token_file,omitempty"`
	PDVVersion     string   `yaml:"pdv_version"`
	Dialect        string   `yaml:"dialect"`         // v2 (default) or v2.2
	LiveDeadline   Duration `yaml:"live_deadline"`   // default 2.5 s, at least 500 ms
	CouponConflict string   `yaml:"coupon_conflict"` // auto (default), sent or dead
	Wrapper        string   `yaml:"wrapper"`         // of a load's batch: array (default), or object with the list under its name
}

// Loyalty says how sessions with shoppers are handled.
type Loyalty struct {
	AbandonAfter  Duration `yaml:"abandon_after"`          // default 2 h
	MemberCache   Duration `yaml:"member_cache"`           // default 720 h; 0s for none
	UnknownMember string   `yaml:"unknown_member"`         // resolve (default), zero or as_given
	OfflineID     string   `yaml:"offline_transaction_id"` // omit (default) or keep
}

// Sender is the pace of delivery.
type Sender struct {
	Parallel    int      `yaml:"parallel"`     // deliveries at the same time, default 4
	PerSecond   float64  `yaml:"per_second"`   // deliveries per second, default 20
	RetryMin    Duration `yaml:"retry_min"`    // default 5 s
	RetryMax    Duration `yaml:"retry_max"`    // default 30 min
	StartJitter Duration `yaml:"start_jitter"` // default 60 s; 0s for none

	ResendSalvaged bool `yaml:"resend_salvaged"` // send salvaged jobs whose delivery is not known; default false: hold them
}

// Network is the way to the clouds, of loyalty and of payments. PDVAGENT_NETWORK_PROXY_LOGIN in the environment takes precedence.
type Network struct {
	Proxy     string `yaml:"proxy"`                 // none (default), or http://host:port
	Login     Secret `yaml:"proxy_login,omitempty"` // user:password
	LoginFile string `yaml:"proxy_login_file,omitempty"`
}

// Store bounds the store's files.
type Store struct {
	MaxMB   int `yaml:"max_mb"`   // of the database, a power of two; default 1024
	SpoolMB int `yaml:"spool_mb"` // of large bodies; default 2048
}

// Backup says where sealed copies of the backups go, so that a till that is lost goes on on another machine.
type Backup struct {
	CopyTo string `yaml:"copy_to,omitempty"` // absolute path of a folder that is there, such as one of the shop's server; empty: none
}

// Security has the key for reading a copy of the store on another machine.
type Security struct {
	RecoveryPublicKey string `yaml:"recovery_public_key,omitempty"` // path of a PEM file: RSA, at least 2048 bits
}

// Chain says which hub of the chain the agent belongs to.
type Chain struct {
	Invitation Secret `yaml:"invitation,omitempty"` // the code of pdvhub invite; empty: none
}

// Traffic bounds the journal of requests and answers.
type Traffic struct {
	KeepDays int    `yaml:"keep_days"` // default 7
	MaxMB    int    `yaml:"max_mb"`    // of all files together, default 200
	Bodies   string `yaml:"bodies"`    // masked (default) or none
}

// Log is the agent's log.
type Log struct {
	Level string `yaml:"level"`  // debug, info (default), warn or error
	MaxMB int    `yaml:"max_mb"` // of all log files together, default 50
}

// Default is the configuration of a file without optional sections.
func Default() Config {
	return Config{
		DataDir: DefaultDataDir(),
		Shop:    Shop{Timezone: "America/Sao_Paulo"},
		API:     API{Listen: DefaultListen, AllowedOrigins: []string{}},
		Till:    Till{QueuedStatus: 202, CouponID: "composed", Charset: "utf-8"},
		Loyalty: Loyalty{
			AbandonAfter: Duration(2 * time.Hour), MemberCache: Duration(720 * time.Hour), UnknownMember: "resolve", OfflineID: "omit",
		},
		Sender: Sender{
			Parallel: 4, PerSecond: 20, RetryMin: Duration(5 * time.Second), RetryMax: Duration(30 * time.Minute),
			StartJitter: Duration(time.Minute),
		},
		Network: Network{Proxy: "none"},
		Store:   Store{MaxMB: 1024, SpoolMB: 2048},
		Traffic: Traffic{KeepDays: 7, MaxMB: 200, Bodies: "masked"},
		Log:     Log{Level: "info", MaxMB: 50},
	}
}

func (m *Mercafacil) fill() {
	if m.Dialect == "" {
		m.Dialect = "v2"
	}
	if m.LiveDeadline == 0 {
		m.LiveDeadline = Duration(2500 * time.Millisecond)
	}
	if m.Wrapper == "" {
		m.Wrapper = "array"
	}
	if m.CouponConflict == "" {
		m.CouponConflict = "auto"
	}
}
