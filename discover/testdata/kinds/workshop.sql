-- A workshop's database of our own making, with the habits of further public schemas: what somebody does names a key, rows are known by a
-- code, names are written in one, earlier rows are copied under the same key and a second one, and states are a yes or no, a date, or codes
-- whose labels stand in a list by key or packed into one text.
create table users (id int auto_increment primary key, first varchar(40), last varchar(40), mpasswd varchar(64));
create table status (id int primary key, name varchar(40));
insert into status values (1, 'Requested'), (2, 'Accepted'), (3, 'Rejected');
create table benches (id int auto_increment primary key, name varchar(40), parent_id int);
create table bench_lists (id int auto_increment primary key, name varchar(40), closing_word varchar(10));
create table bench_lists_tools (list int not null, tool int not null, key (list));
create table tools (tool_id int auto_increment primary key, tool_code varchar(20) not null, size varchar(20), key (tool_code));
create table repairs (id int auto_increment primary key, status int, uid int, tester_id int, cause varchar(80), begins date, requested_at datetime);
create table repairs_history (id int not null, rev int not null, status int, uid int, tester_id int, cause varchar(80), begins date,
  requested_at datetime, changedon datetime, changedby int, primary key (id, rev));
create table parcels (id int auto_increment primary key, tool_code varchar(20), member_name varchar(60), created_at datetime, paid_at datetime,
  shipped_at datetime);
create table todos (id int auto_increment primary key, user_id int, bench_id int, note varchar(80), is_done tinyint(1) not null, created_at datetime,
  updated_at datetime);
create table calls (id int auto_increment primary key, user_id int, bench_id int, kind varchar(15), created_at datetime, answer_due datetime);
create table loans (id int auto_increment primary key, user_id int, loan_status_id smallint, submittedon_date date, closedon_date date);
create table enum_values (enum_name varchar(40), enum_id int, enum_value varchar(60), primary key (enum_name, enum_id));
insert into enum_values values ('loan_status_id', 100, 'Submitted'), ('loan_status_id', 300, 'Active'), ('loan_status_id', 600, 'Closed'),
  ('colour_id', 100, 'Red'), ('colour_id', 300, 'Green'), ('colour_id', 600, 'Blue');
create table CASE_RE_RUNDEF (ID_ varchar(64) primary key, NAME_ varchar(80));
create table CASE_HI_RUNINST (ID_ varchar(64) primary key, RUN_DEF_ID_ varchar(64), STATE_ varchar(30), START_TIME_ datetime, END_TIME_ datetime);
create table halls (hall_id int auto_increment primary key, hall_name varchar(40));
create table projects (id int auto_increment primary key, user_id int, hall_id varchar(6), bench_id int, project_status int, created_at datetime, target_date date,
  `Agreed Price` decimal(10,2), `Price Currency` char(3));
create table sysvals (sysval_id int auto_increment primary key, sysval_title varchar(48), sysval_value text);
insert into sysvals (sysval_title, sysval_value) values ('ProjectStatus', '0|Proposed\r\n1|In progress\r\n-1|Complete'),
  ('ProjectKind', '0|Small\n1|Big\n2|Other');

create temporary table n (i int primary key);
insert into n select a.i * 8 + b.i from (select 0 as i union select 1 union select 2 union select 3 union select 4 union select 5 union select 6 union
  select 7) as a, (select 0 as i union select 1 union select 2 union select 3 union select 4 union select 5 union select 6 union select 7) as b;
insert into users select null, concat('F', i), concat('L', i), sha1(i) from n;
insert into benches select null, concat('b', i), if(i < 40, -1, i - 30) from n;
insert into bench_lists select null, concat('l', i), 'so' from n;
insert into bench_lists_tools select i + 1, 64 - i from n;
insert into tools select null, concat('T-', i), 'm' from n;
insert into repairs select null, if(i < 40, 2, 1 + i % 3), 1 + i, 64 - i, concat('broken ', i), '2024-01-01' + interval i * 3 day,
  '2023-12-20 08:00:00' + interval i * 3 day from n;
insert into repairs_history select r.id, 1, 1, r.uid, r.tester_id, r.cause, r.begins, r.requested_at, r.requested_at, r.tester_id from repairs as r;
insert into repairs_history select r.id, 2, r.status, r.uid, r.tester_id, r.cause, r.begins, r.requested_at, r.requested_at + interval 2 day, r.tester_id
  from repairs as r where r.status <> 1;
insert into parcels select null, concat('T-', 63 - i), concat('M', i), '2024-01-01 09:00:00' + interval i * 3 day,
  if(i < 60, '2024-01-01 10:00:00' + interval i * 3 day, null), if(i < 50, '2024-01-02 10:00:00' + interval i * 3 day, null) from n;
insert into todos select null, 1 + i, 64 - i, concat('do ', i), i < 50, '2024-01-01 09:00:00' + interval i * 3 day, '2024-06-01 09:00:00' from n;
insert into calls select null, 1 + i, 64 - i, case when i < 40 then 'Closed' when i < 50 then 'Open' when i < 60 then 'Processing' else 'Deleted' end,
  '2024-01-01 09:00:00' + interval i * 3 day, '2024-02-01 09:00:00' + interval i * 3 day from n;
insert into loans select null, 1 + i, case when i < 40 then 600 when i < 55 then 300 else 100 end, '2024-01-01' + interval i day,
  if(i < 40, '2024-05-01' + interval i day, null) from n;
insert into CASE_RE_RUNDEF select concat('d-', i), concat('name ', i) from n;
insert into CASE_HI_RUNINST select concat('r-', i), concat('d-', 63 - i), if(i < 50, 'COMPLETED', 'ACTIVE'), '2024-01-01 09:00:00' + interval i day,
  if(i < 50, '2024-01-03 09:00:00' + interval i day, null) from n;
insert into halls select null, concat('hall ', i) from n;
insert into projects select null, 1 + i, 1 + i, 64 - i, case when i < 40 then -1 when i < 60 then 1 else 0 end, '2024-01-01 09:00:00' + interval i day,
  '2024-05-01' + interval i day, 12.5 * i, 'KES' from n;
