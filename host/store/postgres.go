package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// postgresDriver is PostgreSQL's driver, whose commits are answered only when the server says so
// without a warning.
type postgresDriver struct{}

// Open opens a connection.
func (d postgresDriver) Open(source string) (driver.Conn, error) {
	connector, err := d.OpenConnector(source)
	if err != nil {
		return nil, err
	}
	return connector.Connect(context.Background())
}

// OpenConnector implements driver.DriverContext.
func (d postgresDriver) OpenConnector(source string) (driver.Connector, error) {
	config, err := pgx.ParseConfig(source)
	if err != nil {
		return nil, err
	}
	config.DialFunc = dialer.DialContext
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTime
	}
	return postgresConnector{d, config}, nil
}

// A server whose machine or network is gone says nothing: what was sent to it is given up after
// silenceTime, in place of a quarter of an hour, and a connection that is not used is asked.
const (
	connectTime = 10 * time.Second // where the source does not say
	silenceTime = 10 * time.Second
	askTime     = 5 * time.Second
)

var dialer = &net.Dialer{
	KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: silenceTime, Interval: askTime,
		Count: int(silenceTime / askTime)},
	Control: giveUpSilent,
}

type postgresConnector struct {
	postgresDriver
	config *pgx.ConnConfig
}

// Driver implements driver.Connector.
func (c postgresConnector) Driver() driver.Driver { return c.postgresDriver }

// Connect opens a connection.
func (c postgresConnector) Connect(ctx context.Context) (driver.Conn, error) {
	warned := new(string)
	config := c.config.Copy()
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		if n.SeverityUnlocalized == "WARNING" {
			*warned = n.Message
		}
	}
	opened, err := stdlib.GetConnector(*config).Connect(ctx)
	if err != nil {
		return nil, err
	}
	wrapped, err := Wrap(opened)
	if err != nil {
		return nil, err
	}
	if _, err := wrapped.ExecContext(ctx, postgresDurable, nil); err != nil {
		return nil, errors.Join(err, wrapped.Close())
	}
	return &warnedConn{Wrapped: wrapped, warned: warned}, nil
}

// postgresDurable has commits wait for the disk, and for a synchronous standby where there is one:
// whatever is set for the role or the database, unless it is more.
const postgresDurable = `SELECT set_config('synchronous_commit', 'on', false)
	WHERE current_setting('synchronous_commit') <> 'remote_apply'`

// warnedConn is a connection with the last warning of its server.
type warnedConn struct {
	Wrapped
	warned   *string
	readOnly bool // the server has said so: another connection may find one that writes
}

// ExecContext executes a statement; one that copies rows sends them.
func (c *warnedConn) ExecContext(
	ctx context.Context, query string, args []driver.NamedValue,
) (driver.Result, error) {
	result, err := c.copyOrExec(ctx, query, args)
	c.note(err)
	return result, err
}

// QueryContext executes a query.
func (c *warnedConn) QueryContext(
	ctx context.Context, query string, args []driver.NamedValue,
) (driver.Rows, error) {
	rows, err := c.Wrapped.QueryContext(ctx, query, args)
	c.note(err)
	return rows, err
}

func (c *warnedConn) note(err error) { c.readOnly = c.readOnly || isReadOnly(err) }

// IsValid reports whether the connection can be used again.
func (c *warnedConn) IsValid() bool { return !c.readOnly && c.Wrapped.IsValid() }

// isReadOnly reports that a server, or its session, takes no writes: it is a standby now, or was
// set so.
func isReadOnly(err error) bool {
	var postgres *pgconn.PgError
	return errors.As(err, &postgres) && postgres.Code == "25006" // read_only_sql_transaction
}

// BeginTx begins a transaction.
func (c *warnedConn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	inner, err := c.Connection.BeginTx(ctx, options)
	if err != nil {
		return nil, err
	}
	return warnedTx{inner, c.warned}, nil
}

// errUnsure says that a commit was asked for and not answered.
var errUnsure = errors.New("it may or may not last")

type warnedTx struct {
	driver.Tx
	warned *string
}

// Commit commits. A server whose wait for its standby was broken off, by an operator or a time
// limit, says that it has committed and warns that the standby may not have: what is answered then
// can be lost with the server. It is not answered. A connection that was lost meanwhile says
// nothing about the commit at all.
func (t warnedTx) Commit() error {
	*t.warned = ""
	var said *pgconn.PgError
	switch err := t.Tx.Commit(); {
	case err == nil:
	case errors.Is(err, errUndone) || errors.As(err, &said) && !isLost(err):
		return err
	default:
		return fmt.Errorf("%w: %w", errUnsure, err)
	}
	if *t.warned != "" {
		return fmt.Errorf("%w: the server warns: %s", errUnsure, *t.warned)
	}
	return nil
}

// postgresWrite waits for the previous writer. It is not a query, so the transaction takes its
// snapshot only afterwards. Then it writes to the log, which has its commit wait for the standby
// even when it changes nothing: a call that is repeated may only find what its first attempt has
// written, and must not answer before that lasts. A writer that has gone silent between two
// statements, with its machine, is ended by the server: others wait for it.
const postgresWrite = `SET LOCAL idle_in_transaction_session_timeout = '6s';
	LOCK TABLE store_writer IN EXCLUSIVE MODE;` + postgresMark

// postgresMark has a transaction write to the server's log, and so its commit wait for the standby.
const postgresMark = `SELECT pg_logical_emit_message(true, 'ekrona', '')`

// isForbidden reports whether our role has no right to do something.
func isForbidden(err error) bool {
	var postgres *pgconn.PgError
	return errors.As(err, &postgres) && postgres.Code == "42501" // insufficient_privilege
}

// lostAdvice says what to do about a connection that was lost, or not made.
func lostAdvice(err error) string {
	var postgres *pgconn.PgError
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) && errors.As(err, &postgres) && !hasLostClass(postgres) {
		return "the server takes no connection of ours: see to the source of the database, " +
			"and to the server"
	}
	return "the server is going down or coming up, or has no room: try again later"
}

func hasLostClass(e *pgconn.PgError) bool {
	return slices.ContainsFunc(lostClasses, func(class string) bool {
		return strings.HasPrefix(e.Code, class)
	})
}

// lostClasses begin the codes of errors of a connection that is no longer there, or was not made.
var lostClasses = []string{
	"08",    // connection exceptions
	"57P",   // the server goes down, comes up, or has ended the session
	"25P03", // the session was idle in a transaction: this process stood still
	"25P04", // transaction_timeout
	"53",    // no room for one more connection, on the disk or in memory
}

// isLost reports whether the connection to the server was lost, or the server is going down or
// coming up, has no room, or only reads: a transaction whose commit was not asked for has not
// happened, and may be repeated.
func isLost(err error) bool {
	var postgres *pgconn.PgError
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) { // whatever the server says about it
		return true
	}
	if errors.As(err, &postgres) {
		return isReadOnly(err) || hasLostClass(postgres)
	}
	var network *net.OpError
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, pgconn.ErrConnClosed) || errors.As(err, &network)
}
