package discover

import (
	"fmt"
	"slices"
	"strings"
)

// Meaning says what a state is to whoever counts what waits.
type Meaning string

// Open waits, decided is done, void never counts; unknown has to be asked.
const (
	Open    Meaning = "open"
	Decided Meaning = "decided"
	Void    Meaning = "void"
	Unknown Meaning = "unknown"
)

// meanings are read from the front: the first whose words a state has is its meaning, so that "not held" is not "held".
var meanings = []struct {
	meaning Meaning
	words   string
}{
	{Void, "replaced,superseded,not held,no " +
		"show,noshow,cancelled,canceled,cancel,cancelada,storniert,annule,annulee,denied,failed,fail,expired,voided,void,refunded,refund," +
		"reversed,reversal,chargeback,rejected,reject,lost,dead,duplicate,duplicated,deleted,removed,spam,deferred,declined,exception," +
		"withdrawn,refused,aborted,abandoned,trash,trashed,invalid,error,disputed,returned to " +
		"sender,terminated,revoked,blocked,bounced,missed,obsolete,suspended,closed lost,closed rejected,closed duplicate,x"},
	{Open, "resubmitted,preauth,preauthorized,preauthorised,payment error,not started,not shipped,not " +
		"paid,unpaid,unresolved,unassigned,unconfirmed,unbilled,unread,unapproved,undelivered,unfulfilled,partially,partial,new,open," +
		"reopened,pending,processing,process,in process,in " +
		"progress,progress,assigned,draft,submitted,waiting,awaiting,wait,planned,scheduled,received,routed,read,hold,holded,on hold,held " +
		"up,backorder," +
		"prospecting,proposed,qualification,qualified,proposal,negotiation,recycled,requested,started,preparation,preparing,queued," +
		"confirmed,initial,created,registered,ready,acknowledged,investigating,working,work,review,in review,under review,reviewing,to " +
		"do,todo,backlog,doing,placed,picked,packed,transit,in transit,dispatched,payment review,payment accepted,remotely " +
		"accepted,accepted,accept,observed,active,running,ongoing,authorized,ordered,out,enrolled,incomplete,paused,estimate,sent,offen,neu," +
		"ouvert,abierto,pendiente,invoiced,payment pending,pending payment,fraud,none,triage,testing,responded,admitted,checked " +
		"in,booked,part paid,partly paid,arrived,stalled,viewed,interviewing,interview,offered,offer,qualifying,lead,to verify,verifying,on " +
		"order,scheduled,opened,unstarted,loaned,borrowed,triaged,feedback,needs feedback,escalated,contacted,in delivery,logged,applied"},
	{Decided, "final,finalized,finalised,closed,close,complete,completed,done,resolved,solved,approved,shipped,delivered,paid,won,held," +
		"processed,finished,returned,archived,converted,fulfilled,settled,posted,published,granted,issued,passed,success,successful," +
		"succeeded,signed,verified,answered,merged,fixed,cleared,marked cleared,ended,inactive,departed,discharged,checked " +
		"out,collected,hired,erledigt,geschlossen,ferme,cerrado,completado,completada,termine,abgeschlossen,billed,reconciled,ok," +
		"reimbursed,wontfix,wont fix,implemented,released,deployed,received in full,resulted,reported,discharged,fully " +
		"paid,waived,publish,deployed," +
		"executed,installed,consumed,used,redeemed,credited,reimbursed,invoiced in full"},
}

var meaningOf map[string]Meaning

func init() {
	meaningOf = map[string]Meaning{}
	for _, m := range meanings {
		for _, w := range strings.Split(m.words, ",") {
			if _, ok := meaningOf[w]; !ok {
				meaningOf[w] = m.meaning
			}
		}
	}
}

// meansBy says what a state's name means.
func meansBy(name string) Meaning {
	words := split(strings.ReplaceAll(name, "'", ""))
	joined := strings.Join(words, " ")
	if m, ok := meaningOf[joined]; ok {
		return m
	}
	for n := min(3, len(words)); n >= 1; n-- {
		for _, m := range meanings {
			for at := 0; at+n <= len(words); at++ {
				part := strings.Join(words[at:at+n], " ")
				if meaningOf[part] == m.meaning {
					return m.meaning
				}
			}
		}
	}
	if len(words) > 1 && words[0] == "in" {
		return Open // In the laboratory, in store: where something is while it goes on.
	}
	return Unknown
}

// meansByFlags reads the flags of a lookup's row, such as is_closed or shipped, and its group, such as state = closed.
func meansByFlags(row map[string]string, columns []*Column) (Meaning, string) {
	for _, c := range columns {
		v := strings.ToLower(row[c.Name])
		on := v == "1" || v == "y" || v == "yes" || v == "true" || v == "t" || v == "\x01"
		w := c.words
		switch {
		case !on:
		case has(w, "deleted", "hidden"):
			return Void, c.Name
		case has(w, "cancelled", "canceled", "cancel", "rejected", "void", "failed") && len(w) <= 2:
			return Void, c.Name
		case has(w, "closed", "final", "finished", "completed", "complete", "done", "shipped", "delivery", "delivered", "resolved", "terminal",
			"end") && len(w) <= 2:
			return Decided, c.Name
		}
		if slices.Contains([]string{"state", "category", "group", "class", "kind", "phase"}, w[len(w)-1]) && c.kind() != integer && v != "" {
			if m := meansBy(v); m != Unknown {
				return m, c.Name + " = " + v
			}
		}
	}
	return Unknown, ""
}

// State is one state of a record, as the source writes it, and what it means.
type State struct {
	Raw     string // As it stands in the column.
	Name    string // In lower-case letters, digits and underscores.
	Label   string // For people.
	Rows    int64
	Meaning Meaning
	Guess
}

// stateName makes a canonical name of a label.
func stateName(label string) string {
	if len(label) > 1 && label[0] == '-' && label[1] >= '0' && label[1] <= '9' {
		label = "minus " + label[1:]
	}
	var out []rune
	for _, r := range strings.ToLower(label) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			out = append(out, r)
		case len(out) > 0 && out[len(out)-1] != '_':
			out = append(out, '_')
		}
	}
	name := strings.Trim(string(out), "_")
	switch {
	case name == "":
		return ""
	case name[0] >= '0' && name[0] <= '9':
		return "state_" + name
	}
	return name
}

// nameStates gives every state a name of its own.
func nameStates(states []State) {
	seen := map[string]bool{}
	for i := range states {
		name := stateName(states[i].Label)
		if name == "" {
			name = fmt.Sprintf("state_%d", i+1)
		}
		for n := 2; seen[name]; n++ {
			name = fmt.Sprintf("%s_%d", stateName(states[i].Label), n)
		}
		seen[name] = true
		states[i].Name = name
	}
}
