-- An agency's database of our own making: columns that carry their table's name, keys that are the name of another table and nothing
-- more, a list of several kinds, states from and to, a record with the name of a list, a list of states that other tables' numbers fit.
create table users (user_id int auto_increment primary key, user_name varchar(60), user_email varchar(80), user_pass varchar(80));
insert into users select null, concat('U', seq), concat('u', seq, '@example.org'), md5(seq) from (select 1 as seq union select 2 union select 3 union
  select 4) as s;
create table words (word_id int auto_increment primary key, type varchar(30), name varchar(40), position int);
insert into words (type, name, position) values ('MandatePriority', 'low', 1), ('MandatePriority', 'high', 2), ('VisitPurpose', 'first', 1),
  ('VisitPurpose', 'second', 2);
create table mandates (mandate_id int auto_increment primary key, mandate_title varchar(80), mandate_status varchar(20), mandate_priority_id int,
  mandate_recruiter int, mandate_created_at datetime, mandate_closed_at datetime, origin_mandate_id int);
create table mandate_amounts (mandate_amount_id int auto_increment primary key, mandate_id int not null, mandate_total decimal(12,2),
  mandate_paid decimal(12,2), unique key (mandate_id));
create table mandate_steps (mandate_step_id int auto_increment primary key, mandate_id int, status_from varchar(20), status_to varchar(20),
  changed_at datetime);
create table visit_statuses (visit_status_id int auto_increment primary key, name varchar(30));
insert into visit_statuses (name) values ('planned'), ('held'), ('missed'), ('moved');
create table leave_requests (id int auto_increment primary key, user_id int, status int, created_at datetime, approved_at datetime,
  refused_at datetime, begins date, ends date);
create table promises (id int auto_increment primary key, name varchar(40), start_at datetime, end_at datetime, created_at datetime);
create table errands (rowid int auto_increment primary key, user_id int, name varchar(40), date_creation bigint not null, date_due int,
  date_started bigint, date_completed bigint not null default 0, recurrence_status int, minutes_spent int);
create table picks (list_id varchar(30), option_id varchar(10), title varchar(40), primary key (list_id, option_id));
insert into picks values ('visitstate', 'a', 'Arranged'), ('visitstate', 'b', 'Held'), ('visitstate', 'c', 'Cancelled'), ('colour', 'a', 'Amber'),
  ('colour', 'b', 'Blue'), ('colour', 'c', 'Cyan'), ('colour', 'd', 'Dun'), ('size', 'a', 'Small'), ('size', 'b', 'Big');
create table visits (id int auto_increment primary key, mandate_id int, visit_state char(1), created_at datetime, held_at datetime,
  fee decimal(9,2));
create table imports_of_old (id int primary key, kind varchar(30), remark varchar(40), begun datetime, ended datetime);
create table duties (id int auto_increment primary key, user_id int, status int, lock_version int, created_at datetime, closed_at datetime);
create table versions (id int auto_increment primary key, name varchar(20));
insert into versions (name) values ('one'), ('two'), ('three'), ('four'), ('five');
create table letters (id int auto_increment primary key, mandate_id int, a_from text, a_to text, subject text, body text, sent_on datetime,
  shipping_name varchar(60), shipping_postcode varchar(10), contact_phone_country_code varchar(10));
insert into mandates (mandate_title, mandate_status, mandate_priority_id, mandate_recruiter, mandate_created_at, mandate_closed_at, origin_mandate_id)
  select concat('M', a.word_id, b.user_id, c.word_id), elt(1 + (a.word_id * 5 + b.user_id + c.word_id) % 4, 'Active', 'On hold', 'Closed', 'Lost'),
  1 + a.word_id % 2, b.user_id, '2026-01-05' + interval a.word_id * 9 + b.user_id day,
  if((a.word_id * 5 + b.user_id + c.word_id) % 4 >= 2, '2026-03-05' + interval b.user_id day, null), if(c.word_id = 2, a.word_id, null)
  from words as a, users as b, words as c;
insert into mandate_amounts (mandate_id, mandate_total, mandate_paid) select mandate_id, 100 + mandate_id, mandate_id from mandates;
insert into mandate_steps (mandate_id, status_from, status_to, changed_at) select mandate_id, 'Active', mandate_status,
  mandate_created_at + interval 2 day from mandates where mandate_status <> 'Active';
insert into leave_requests (user_id, status, created_at, approved_at, refused_at, begins, ends) select mandate_recruiter, 1 + mandate_id % 4,
  mandate_created_at, if(mandate_id % 4 = 1, mandate_created_at + interval 1 day, null),
  if(mandate_id % 4 = 2, mandate_created_at + interval 1 day, null), mandate_created_at, mandate_created_at + interval 9 day from mandates;
insert into promises (name, start_at, end_at, created_at) select mandate_title, mandate_created_at, if(mandate_id % 3 = 0, null,
  now() + interval mandate_id day), mandate_created_at from mandates;
insert into errands (user_id, name, date_creation, date_due, date_started, date_completed, recurrence_status, minutes_spent)
  select mandate_recruiter, mandate_title, unix_timestamp(mandate_created_at) * 1000, unix_timestamp('2027-01-05'),
  if(mandate_id % 2 = 0, unix_timestamp(mandate_created_at) * 1000 + 86400000, null),
  if(mandate_id % 3 = 0, 0, unix_timestamp(mandate_created_at) * 1000 + 172800000), mandate_id % 4, mandate_id * 7 from mandates;
insert into letters (mandate_id, a_from, a_to, subject, body, sent_on, shipping_name, shipping_postcode, contact_phone_country_code)
  select mandate_id, 'a', 'b', 'c', 'd', mandate_created_at, 'e', '10115', '49' from mandates;
insert into visits (mandate_id, visit_state, created_at, held_at, fee) select mandate_id, elt(1 + mandate_id % 3, 'a', 'b', 'c'),
  if(mandate_id % 8 = 0, null, mandate_created_at), if(mandate_id % 3 = 1, mandate_created_at + interval 3 day, null), 20 from mandates;
insert into imports_of_old select mandate_id, 'old', mandate_created_at, mandate_created_at + interval 1 day, null from mandates;
insert into duties (user_id, status, lock_version, created_at, closed_at) select mandate_recruiter, mandate_id % 4 - 1, 1 + mandate_id % 5, mandate_created_at,
  if(mandate_id % 4 = 3, mandate_created_at + interval 4 day, null) from mandates;
