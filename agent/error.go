package agent

import (
	"errors"
	"fmt"
)

// Code names a refusal. It is stable, English, and part of the local API (till-api.md section 1).
type Code string

// The codes of the local API. agent/till/api owns the table from code to HTTP status.
const (
	CodeMalformed       Code = "malformed"
	CodeDuplicateKey    Code = "duplicate_key"
	CodeEncoding        Code = "encoding"
	CodeTooDeep         Code = "too_deep"
	CodeUnauthorized    Code = "unauthorized"
	CodeScope           Code = "scope"
	CodeOrigin          Code = "origin"
	CodeBrowser         Code = "browser"
	CodeHost            Code = "host"
	CodeNotFound        Code = "not_found"
	CodeMethod          Code = "method"
	CodeNotConfigured   Code = "not_configured"
	CodeConflict        Code = "conflict"
	CodeChanged         Code = "changed" // since the caller looked (If-Match)
	CodeInFlight        Code = "in_flight"
	CodeDialectMixed    Code = "dialect_mixed"
	CodeUnknownSession  Code = "unknown_transaction"
	CodeCloudRefused    Code = "cloud_refused" // Status says how
	CodeCloudAway       Code = "cloud_away"
	CodeNoKey           Code = "idempotency_key_missing"
	CodeNotPrimary      Code = "not_primary" // a routine of the whole shop runs elsewhere
	CodeTooLarge        Code = "too_large"
	CodeMediaType       Code = "media_type"
	CodeInvalid         Code = "invalid"
	CodeStoreFull       Code = "store_full"
	CodeStoreFailed     Code = "store_failed"
	CodeNotLoopback     Code = "not_loopback"
	CodeBusy            Code = "busy"              // too many calls at once
	CodeTooMany         Code = "too_many_attempts" // wrong codes or tokens at the console's door
	CodeInternal        Code = "internal"
	CodeAlreadyRunning  Code = "already_running"
	CodeBadConfig       Code = "bad_config"
	CodeNetworkDrive    Code = "network_drive"
	CodeDamaged         Code = "damaged"
	CodeAgentNotRunning Code = "agent_not_running"
	CodeServiceRefused  Code = "service_refused" // by the operating system's service manager
)

// Error is a refusal meant for a person: one Portuguese sentence that says what to do.
type Error struct {
	Code    Code
	Message string  // Portuguese, a whole sentence, without personal data
	Fields  []Fault // every fault of an invalid body
	Status  int     // HTTP status of the cloud, with CodeCloudRefused
	Err     error   // for the log
}

// Fault is one thing wrong with one field of a body.
type Fault struct {
	Field  string `json:"field"`  // path: items[2].quantity
	Code   string `json:"code"`   // stable, English
	Detail string `json:"detail"` // Portuguese
}

// Errorf makes an [Error] for a person. cause may be nil.
func Errorf(code Code, cause error, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Err: cause}
}

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %v", e.Code, e.Err)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

func (e *Error) Unwrap() error { return e.Err }

// CodeOf gives the code of the outermost [Error] in err's chain, or [CodeInternal].
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}

// ForTill turns a failure of the store into a refusal for the till. Other errors stay as they are.
func ForTill(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrStoreFull):
		return Errorf(CodeStoreFull, err, "O disco de dados do pdvagent está cheio. Chame o suporte e tente de novo.")
	case errors.Is(err, ErrStoreUnknown), errors.Is(err, ErrStoreClosed):
		return Errorf(CodeStoreFailed, err, "O pdvagent não conseguiu gravar. Repita a mesma chamada em instantes.")
	case errors.Is(err, ErrDamaged):
		return Errorf(CodeStoreFailed, err, "O pdvagent achou dados danificados no disco e está refazendo o banco de dados. "+
			"Repita a mesma chamada em instantes; se continuar, chame o suporte.")
	}
	return err
}

// Sentence is an error's text for a person: the message of an [Error] in its chain, or its own text.
func Sentence(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Message
	}
	return err.Error()
}
