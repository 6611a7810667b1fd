package sicoobsim

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"pdvagent/agent/simkit"
)

// token is an access token that the bank has given.
type token struct {
	client  string
	scopes  []string
	expires time.Time
	print   string // thumbprint of the certificate that it is bound to; empty over plain HTTP
}

// certified tells whether a TLS request came with a certificate that is in its time.
func (s *Sim) certified(r *http.Request) bool {
	if len(r.TLS.PeerCertificates) == 0 {
		return false
	}
	now, leaf := s.Now(), r.TLS.PeerCertificates[0]
	return now.After(leaf.NotBefore) && now.Before(leaf.NotAfter)
}

func thumbprint(r *http.Request) string {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return ""
	}
	sum := sha256.Sum256(r.TLS.PeerCertificates[0].Raw)
	return hex.EncodeToString(sum[:])
}

// scopes are those of both versions (contract section 2).
func scopes() []string {
	return []string{
		"boletos_inclusao", "boletos_consulta", "boletos_alteracao", "webhooks_inclusao", "webhooks_consulta", "webhooks_alteracao",
		"cobranca_boletos_incluir", "cobranca_boletos_consultar", "cobranca_boletos_pagador", "cobranca_boletos_segunda_via", "cobranca_boletos_baixa",
		"cobranca_boletos_solicitacao_movimentacao_incluir", "cobranca_boletos_solicitacao_movimentacao_consultar", "cobranca_boletos_solicitacao_movimentacao_download",
	}
}

func oauthError(status int, name, text string) simkit.Answer {
	return simkit.Answer{Status: status, Body: map[string]string{"error": name, "error_description": text}}
}

// token answers the token endpoint: client credentials, and no secret (contract section 2).
func (s *Sim) token(r *http.Request, body []byte) simkit.Answer {
	if r.Method != http.MethodPost {
		return refusal(http.StatusMethodNotAllowed, "Method Not Allowed")
	}
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return refusal(http.StatusUnsupportedMediaType, "Unsupported Media Type")
	}
	form, err := url.ParseQuery(string(body))
	client := form.Get("client_id")
	switch {
	case err != nil || form.Get("grant_type") != "client_credentials":
		return oauthError(http.StatusBadRequest, "unsupported_grant_type", "Unsupported grant_type")
	case client == "" || (s.cfg.ClientID != "" && client != s.cfg.ClientID):
		return oauthError(http.StatusUnauthorized, "invalid_client", "Invalid client or Invalid client credentials")
	case form.Has("client_secret"):
		return oauthError(http.StatusBadRequest, "invalid_request", "client_secret is not expected")
	}
	settings, asked := s.settings.Get(), strings.Fields(form.Get("scope"))
	if settings.Scopes == "strict" {
		for _, scope := range asked {
			if !slices.Contains(scopes(), scope) {
				return oauthError(http.StatusBadRequest, "invalid_scope", "Invalid scopes: "+scope)
			}
		}
	}
	value := "eyJ" + rand.Text()
	life := time.Duration(settings.TokenLife) * time.Second
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[value] = token{client: client, scopes: asked, expires: s.Now().Add(life), print: thumbprint(r)}
	return simkit.OK(map[string]any{
		"access_token": value, "expires_in": settings.TokenLife, "refresh_expires_in": 0, "token_type": "Bearer", "not-before-policy": 0, "scope": strings.Join(asked, " "),
	})
}

// admit checks a call's headers; nil lets it in.
func (s *Sim) admit(r *http.Request, scope string) *refused {
	settings := s.settings.Get()
	client := r.Header.Get("client_id")
	if client == "" && settings.ClientName == "any" {
		client = r.Header.Get("X-Sicoob-Clientid")
	}
	value, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	defer s.mu.Unlock()
	switch given, known := s.tokens[value]; {
	case !bearer || !known || !s.Now().Before(given.expires):
		return refuse(http.StatusUnauthorized, "Token inválido ou expirado.")
	case given.print != thumbprint(r):
		return refuse(http.StatusUnauthorized, "O token foi emitido para outro certificado.")
	case client == "" || client != given.client:
		return refuse(http.StatusUnauthorized, "client_id ausente ou inválido.")
	case settings.Scopes == "strict" && !slices.ContainsFunc(given.scopes, func(have string) bool { return strings.Contains(have, scope) }):
		return refuse(http.StatusForbidden, "O token não tem o escopo desta operação.")
	}
	return nil
}
