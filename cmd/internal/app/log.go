package app

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"pdvagent/agent/config"
	"pdvagent/agent/osfile"
)

// NewLog writes logfmt to w.
func NewLog(w io.Writer, level string) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: logLevel(level)}))
}

func logLevel(text string) slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(text)); err != nil {
		return slog.LevelInfo
	}
	return level
}

const (
	logSuffix = ".log"
	logName   = "pdvagent" + logSuffix
	logFiles  = 5 // share log.max_mb: the one being written and those kept
)

// LogFolder is the folder of the log's files.
func LogFolder(cfg config.Config) string { return filepath.Join(cfg.DataDir, "log") }

// OpenLog writes to w and to rotating files in the data folder. On a full disk, the files lose lines and w does not.
func OpenLog(cfg config.Config, level *slog.LevelVar, w io.Writer) (*slog.Logger, func() error, error) {
	if err := osfile.MakePrivateFolder(LogFolder(cfg)); err != nil {
		return nil, nil, err
	}
	path := filepath.Join(LogFolder(cfg), logName)
	files := &rotation{path: path, most: int64(cfg.Log.MaxMB) << 20 / logFiles, files: logFiles, now: time.Now}
	if err := files.clearWay(); err != nil {
		return nil, nil, err
	}
	level.Set(logLevel(cfg.Log.Level))
	options := &slog.HandlerOptions{Level: level}
	both := slog.NewMultiHandler(slog.NewTextHandler(w, options), slog.NewTextHandler(files, options))
	return slog.New(both), files.Close, nil
}

// logSize is the length of the log's files and their limit, in bytes.
func logSize(cfg config.Config) (used, limit int64) {
	entries, _ := os.ReadDir(LogFolder(cfg)) // a folder that cannot be read has no size
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil && strings.HasSuffix(entry.Name(), logSuffix) {
			used += info.Size()
		}
	}
	return used, int64(cfg.Log.MaxMB) << 20
}
