package rig

import (
	"context"
	"crypto/rand"
	"log/slog"
	"path/filepath"
	"strings"

	"pdvagent/agent/config"
	"pdvagent/agent/sandbox"
)

// StartClouds starts the simulated clouds on a free address; seeded clouds have the members and offers of the demo. No tokens:
// any is accepted.
func StartClouds(ctx context.Context, seeded bool, tokens ...string) (*sandbox.Sandbox, error) {
	address, err := FreeAddress(ctx)
	if err != nil {
		return nil, err
	}
	return sandbox.Start(ctx, sandbox.Config{Listen: address, Seed: seeded, Tokens: tokens, Log: slog.New(slog.DiscardHandler)})
}

// Answers are those of an installation whose agent has its data below folder, a free address, and random tokens.
func Answers(ctx context.Context, folder, cloudURL string) (config.Answers, error) {
	answers := config.Example()
	var err error
	if folder, err = filepath.Abs(folder); err != nil {
		return answers, err
	}
	answers.DataDir, answers.BaseURL = filepath.Join(folder, "data"), cloudURL
	answers.TillToken, answers.SupportToken, answers.AdminToken, answers.Token = rand.Text(), rand.Text(), rand.Text(), rand.Text()
	answers.Listen, err = FreeAddress(ctx)
	return answers, err
}

// WriteConfig writes the configuration that the answers give, beside the data folder. replace changes texts of the file, in
// pairs of old and new.
func WriteConfig(answers config.Answers, replace ...string) (path string, err error) {
	path = filepath.Join(filepath.Dir(answers.DataDir), "config.yaml")
	return path, config.Create(path, strings.NewReplacer(replace...).Replace(config.Template(answers)))
}
