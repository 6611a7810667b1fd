package source

// The databases of shops, all in pure Go: each registers itself under the name that drivers gives.
import (
	_ "github.com/go-sql-driver/mysql"
	_ "github.com/lib/pq"
	_ "github.com/microsoft/go-mssqldb"
	_ "github.com/nakagami/firebirdsql"
	_ "modernc.org/sqlite"
)
