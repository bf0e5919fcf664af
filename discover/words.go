package discover

// The words that names are recognised by. They are words of a language, never names of a product's tables.

// thing words end a table's name without saying what it holds.
var thingWords = []string{
	"entity", "data", "info", "information", "master", "record", "tbl", "table", "detail", "list", "object", "main",
	"base", "header", "head", "file",
}

// idWords mark a column that holds a key.
var idWords = []string{"id", "no", "key", "fk", "num", "nr", "code", "number", "ref", "uuid", "guid", "pk", "idx"}

// strictIDWords mark a key and hardly anything else.
var strictIDWords = []string{"id", "fk", "uuid", "guid"}

// userTables hold the people who work with the application, the likeliest first.
var userTables = []string{
	"user", "admin", "employee", "staff", "operator", "agent", "member", "account", "personnel", "utilisateur",
	"usuario", "benutzer", "person",
}

// doings are what somebody did to a row, in "created_by" or "modified_user_id".
var doings = []string{
	"created", "create", "creator", "modified", "modify", "modifier", "updated", "update", "updater", "changed", "change", "deleted",
	"delete", "removed", "approved", "approve", "approver",
	"reviewed", "reviewer", "assigned", "assign", "assignee", "assignedto", "entered", "entry", "added", "submitted", "closed", "opened",
	"resolved", "voided", "retired", "cancelled", "canceled", "rejected", "validated", "verified",
	"locked", "owner", "author", "editor", "reporter", "requester", "recipient", "handler", "manager", "supervisor", "inserted", "published",
	"posted", "signed", "completed", "confirmed", "authorized", "authorised", "last",
	"lastupdater", "tech", "technician", "responsible", "in", "charge", "by", "to", "reopened", "processed", "issued", "received",
	"requested", "on", "granted", "uploaded", "checked", "performed", "executed", "done", "archived", "blocked", "accepted", "declined",
	"paid",
	"invited", "sender", "receiver", "validator", "recruiter",
}

// peopleWords are people who work for whoever owns the database.
var peopleWords = []string{
	"rep", "representative", "salesman", "salesperson", "seller", "cashier", "clerk", "provider", "doctor", "physician", "nurse", "teacher",
	"driver", "manager", "supervisor", "technician", "tech", "recruiter", "validator", "interviewer", "buyer", "trainer",
	"consultant", "operator", "dispatcher", "worker", "engineer", "assignee", "lead", "coordinator", "counselor", "instructor",
}

// parentWords name another row of the same table, or of the table that this one extends.
var parentWords = []string{
	"parent", "superior", "boss", "previous", "prev", "original", "predecessor", "root", "ancestor", "replaced",
	"superseded", "merged",
}

// sideWords say which of two of the same kind a key means: status_from and status_to, src_column_id and dst_column_id.
var sideWords = []string{
	"from", "to", "old", "new", "src", "dst", "source", "target", "origin", "destination", "dest", "before", "after", "prev", "previous",
	"next", "first", "second", "left", "right",
}

// sameThing gives words of other languages, and words that mean the same, one word to be compared by.
var sameThing = map[string]string{
	"pays": "country", "pais": "country", "land": "country", "nation": "country", "projet": "project", "proyecto": "project",
	"projekt": "project", "societe": "company", "empresa": "company", "firma": "company", "commande": "order", "pedido": "order",
	"bestellung": "order", "facture": "invoice", "factura": "invoice", "rechnung": "invoice", "client": "customer", "cliente": "customer",
	"kunde": "customer", "produit": "product", "producto": "product", "produkt": "product", "articulo": "article", "artikel": "article",
	"utilisateur": "user", "usuario": "user", "benutzer": "user", "reglement": "payment", "paiement": "payment", "pago": "payment",
	"zahlung": "payment", "fournisseur": "supplier", "proveedor": "supplier", "lieferant": "supplier", "vendor": "supplier",
	"statut": "status", "estado": "status", "categorie": "category", "categoria": "category", "kategorie": "category", "ville": "city",
	"ciudad": "city", "stadt": "city", "departement": "department", "departamento": "department", "abteilung": "department",
	"langue": "language", "idioma": "language", "sprache": "language", "devise": "currency", "moneda": "currency", "waehrung": "currency",
	"adherent": "member", "membre": "member", "miembro": "member", "mitglied": "member", "contrat": "contract", "contrato": "contract",
	"vertrag": "contract", "entrepot": "warehouse", "almacen": "warehouse", "lager": "warehouse", "tache": "task", "tarea": "task",
	"aufgabe": "task", "groupe": "group", "grupo": "group", "gruppe": "group", "employe": "employee", "empleado": "employee",
	"mitarbeiter": "employee",
}
