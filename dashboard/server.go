package dashboard

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"lifeline/change"
	"lifeline/model"
	"lifeline/project"
	"lifeline/semantic"
	"lifeline/warehouse"
)

// Options say what to serve and how much one asker may use. The zero value of a limit means its default.
type Options struct {
	Project    *project.Project
	Definition *semantic.Definition
	Warehouse  warehouse.Warehouse
	Graph      *model.Graph // For lineage; nil leaves it empty.
	DSN        string       // Of the warehouse; never shown.
	Build      string       // Of the program.
	Auth       Auth
	Hosts      []string // Names that requests may be addressed to; empty means those of loopback, or any behind authentication.
	Pages      fs.FS    // The built front end; nil means none was built in.
	Logger     *slog.Logger
	Live       bool // Runs are made by this process and told to Events.
	TLS        bool // Connections are encrypted, so browsers may be told to insist.

	CacheBytes  int64           // Of finished answers, for each version; 64 MB.
	Connections int             // To one version; 8.
	CardTime    time.Duration   // For one page; 30 s.
	SQL         semantic.Limits // Of statements of people.
	Poll        time.Duration   // How often to look for a new version; 500 ms.
	Patience    time.Duration   // How long a new version waits for its books; 20 s.
}

// Server answers requests. Close it after the HTTP server that uses it has ended.
type Server struct {
	options Options
	store   *store
	def     *semantic.Definition
	log     *slog.Logger
	routes  []route
	handler http.Handler
	events  *hub
	metrics *metrics
	lag     atomic.Pointer[LagFunc]
	auth    *guard
	static  *static
	openapi []byte
	stop    context.CancelFunc
	ids     atomic.Uint64
	answers *semantic.Queue // Answers that are computed.
	exports *semantic.Queue // Files on their way: half of a version's connections, so that slow readers leave the pages theirs.
}

// LagFunc tells how many seconds a follower of the source is behind it, and whether it reaches it.
type LagFunc func() (seconds float64, connected bool)

// Follows has the server tell how far behind the source a follower in this process is.
func (s *Server) Follows(lag LagFunc) { s.lag.Store(&lag) }

// behind is how far behind the source a follower in this process is; nil where there is none.
func (s *Server) behind() *float64 {
	lag := s.lag.Load()
	if lag == nil {
		return nil
	}
	seconds, _ := (*lag)()
	return &seconds
}

// New opens the warehouse's newest version and begins to follow it.
func New(ctx context.Context, o Options) (*Server, error) {
	o.defaults()
	s := &Server{
		options: o, def: o.Definition, log: o.Logger, events: newHub(), metrics: newMetrics(), answers: answersQueue(&o),
		exports: exportsQueue(&o),
	}
	var err error
	if s.auth, err = newGuard(o.Auth); err != nil {
		return nil, err
	}
	if s.static, err = newStatic(o.Pages); err != nil {
		return nil, err
	}
	s.store = &store{
		wh: o.Warehouse, def: o.Definition, options: o, log: o.Logger, sql: semantic.SandboxQueue(o.SQL),
		shown: map[*semantic.Version]int{},
	}
	if err := s.store.open(ctx); err != nil {
		return nil, err
	}
	s.store.told = func(e *servedVersion) {
		s.metrics.switches.Add(1)
		ev := LiveEvent{Kind: "snapshot", At: time.Now().UTC()}
		if e.Version != nil {
			ev.Snapshot = e.ID
			s.log.Info("serve a new version", "version", e.Number)
			s.warm(e.Version)
		}
		s.events.tell(ev)
	}
	s.routes = s.table()
	if s.openapi, err = OpenAPI(o.Build, s.routes); err != nil {
		return nil, err
	}
	s.handler = s.build()
	following, stop := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = stop
	go s.store.follow(following, o.Poll)
	return s, nil
}

// answersQueue lets as many answers be computed as there are connections; one user may have most of them, not all.
func answersQueue(o *Options) *semantic.Queue {
	return semantic.NewQueue(semantic.QueueOptions{
		AtOnce: o.Connections, EachAtOnce: max(1, o.Connections*3/4), EachWaiting: 48, Waiting: 400, Patience: o.CardTime,
	})
}

// exportPatience is how long a file waits for others to end. It is well below the connection's own deadline, so that the asker is told.
const exportPatience = 20 * time.Second

func exportsQueue(o *Options) *semantic.Queue {
	most := max(1, o.Connections/2)
	return semantic.NewQueue(semantic.QueueOptions{
		AtOnce: most, EachAtOnce: max(1, most-1), EachWaiting: 8, Waiting: 64,
		Patience: exportPatience,
	})
}

func (o *Options) defaults() {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Definition == nil {
		o.Definition = &semantic.Definition{}
	}
	o.CacheBytes = cmp.Or(o.CacheBytes, 64<<20)
	o.Connections = cmp.Or(o.Connections, 8)
	o.CardTime = cmp.Or(o.CardTime, 30*time.Second)
	o.Poll = cmp.Or(o.Poll, 500*time.Millisecond)
	o.Patience = cmp.Or(o.Patience, 20*time.Second)
	o.SQL = o.SQL.WithDefaults()
}

// Handler is what an http.Server serves.
func (s *Server) Handler() http.Handler { return s.handler }

// Close stops following and closes the version once its last request has ended.
func (s *Server) Close() error {
	s.stop()
	s.store.close()
	return nil
}

// Tell passes an event of a run made by this process on to every browser that listens.
func (s *Server) Tell(e LiveEvent) {
	if e.At.IsZero() {
		e.At = time.Now().UTC()
	}
	s.events.tell(e)
}

// HTTPServer is a server with the limits that keep slow or huge requests from holding it.
func (s *Server) HTTPServer() *http.Server {
	return &http.Server{
		Handler: s.handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
}

// warm asks the first page's default question, so that the first visitor of a version need not wait.
func (s *Server) warm(snap *semantic.Version) {
	if len(s.def.Pages) == 0 {
		return
	}
	e := s.store.acquire()
	go func() {
		defer s.store.release(e)
		if e.Version != snap {
			return
		}
		if err := s.warmPage(e, s.def.Pages[0].Name); err != nil {
			s.log.Debug("warm the first page", "error", err)
		}
	}()
}

// warmPage puts a page's default answer into the cache, as the first visitor asks for it.
func (s *Server) warmPage(e *servedVersion, name string) error {
	ask, err := e.Page(name, &semantic.Filters{}, s.auth.anyone().has(RoleData))
	if err != nil {
		return err
	}
	_, err = s.compute(context.Background(), "", e, answerKey("/api/v1/pages/"+name, ask.Key(""), s.auth.anyone()), pageReply(ask, e, ""))
	return err
}

// problemOf is what a mistaken request or a fault looks like to its asker.
func problemOf(err error) *semantic.Problem {
	var (
		known  *semantic.Problem
		filter *semantic.FilterError
		mixed  *semantic.MixedError
		entity *semantic.EntityError
		deeper *change.Problem
	)
	switch {
	case errors.As(err, &known):
		return known
	case errors.As(err, &filter):
		return &semantic.Problem{
			Title: "A filter cannot be understood", Status: 400, Detail: filter.Error(),
			Hint: "docs/dashboard.md lists the filter grammar",
		}
	case errors.As(err, &mixed):
		return &semantic.Problem{Title: "Several currencies", Status: 422, Detail: mixed.Error(), Hint: "choose one, as in currency=" +
			first(mixed.Currencies), Values: mixed.Currencies}
	case errors.As(err, &entity):
		return &semantic.Problem{Title: "Which one?", Status: 400, Detail: entity.Error(), Hint: "add " + entity.Name + "=…"}
	case errors.As(err, &deeper):
		return &semantic.Problem{Title: "The server met an error", Status: 500, Detail: semantic.FirstLine(deeper.Error()), Hint: deeper.Try}
	}
	return &semantic.Problem{Title: "The server met an error", Status: 500, Detail: "see the server's log by the request id", Retryable: true}
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}
