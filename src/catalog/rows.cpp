#include "catalog/rows.h"

#include "pg/role.h"

namespace dynpgext::catalog {
namespace {

model::scope scope_of(const std::string &text) {
  return text == model::name_of(model::scope::global) ? model::scope::global
                                                      : model::scope::database;
}

// The table's constraint lets nothing else in.
model::restart_policy policy_of(const std::string &text) {
  return model::restart_policy_of(text).value_or(model::restart_policy::never);
}

}  // namespace

pg::values to_row(const model::extension &e) {
  pg::values row(7);
  row.name(e.name).text(e.version).text(e.library).boolean(e.eager).boolean(e.loaded);
  row.bigint(e.boot).bigint(e.incarnation);
  return row;
}

pg::values to_row(const model::allocation &a) {
  pg::values row(5);
  row.text(a.name)
      .name(a.extension)
      .text(model::name_of(a.scope))
      .bigint(static_cast<int64>(a.size))
      .boolean(a.declared);
  return row;
}

pg::values to_row(const model::worker &w) {
  pg::values row(18);
  row.name(w.extension).text(w.name).text(w.type).text(model::name_of(w.scope)).text(w.library);
  row.text(w.function).integer(static_cast<int32>(w.flags)).integer(static_cast<int32>(w.start));
  row.boolean(w.notify).boolean(w.has_callback);
  row.bytes({w.extra.data(), w.extra.size()}).bigint(static_cast<int64>(w.argument));
  row.text(model::name_of(w.restart))
      .bigint(w.restart_delay)
      .bigint(w.deadline)
      .text(model::name_of(w.role))
      .boolean(w.declared)
      .boolean(w.hosted);
  return row;
}

pg::values to_row(const model::worker_settings &s) {
  pg::values row(5);
  row.name(s.extension).text(s.worker);
  s.enabled ? row.boolean(*s.enabled) : row.null();
  s.restart ? row.text(model::name_of(*s.restart)) : row.null();
  s.restart_delay ? row.interval(*s.restart_delay) : row.null();
  return row;
}

pg::values to_row(const model::command &c) {
  pg::values row(13);
  row.name(c.extension).text(c.worker).text(c.sql).bigint(c.interval).text(c.channel);
  const model::command_identity &who = c.identity;
  row.oid(who.role).bigint(c.deadline).oid(who.registered_by);
  row.boolean(who.superuser)
      .boolean(who.without_login)
      .boolean(who.by_hand)
      .boolean(c.atomic)
      .oid(who.database);
  return row;
}

pg::values to_row(const model::content &c) {
  pg::values row(3);
  row.name(c.extension).text(c.allocation).bytes(c.bytes);
  return row;
}

void from_row(const pg::row &row, model::extension &into) {
  into.name = row.name(0);
  into.version = row.text(1);
  into.library = row.text(2);
  into.eager = row.boolean(3);
  into.loaded = row.boolean(4);
  into.boot = row.bigint(5);
  into.incarnation = row.bigint(6);
}

void from_row(const pg::row &row, model::allocation &into) {
  into.name = row.text(0);
  into.extension = row.name(1);
  into.scope = scope_of(row.text(2));
  into.size = static_cast<std::uint64_t>(row.bigint(3));
  into.declared = row.boolean(4);
}

void from_row(const pg::row &row, model::worker &into) {
  into.extension = row.name(0);
  into.name = row.text(1);
  into.type = row.text(2);
  into.scope = scope_of(row.text(3));
  into.library = row.text(4);
  into.function = row.text(5);
  into.flags = static_cast<std::uint32_t>(row.integer(6));
  into.start = static_cast<std::uint32_t>(row.integer(7));
  into.notify = row.boolean(8);
  into.has_callback = row.boolean(9);
  const std::string extra = row.bytes(10);
  std::memcpy(into.extra.data(), extra.data(), std::min(extra.size(), into.extra.size()));
  into.argument = static_cast<std::uint64_t>(row.bigint(11));
  into.restart = policy_of(row.text(12));
  into.restart_delay = row.bigint(13);
  into.deadline = row.bigint(14);
  into.role = model::server_role_of(row.text(15));
  into.declared = row.boolean(16);
  into.hosted = row.boolean(17);
}

void from_row(const pg::row &row, model::command &into) {
  into.extension = row.name(0);
  into.worker = row.text(1);
  into.sql = row.text(2);
  into.interval = row.bigint(3);
  into.channel = row.text(4);
  model::command_identity &who = into.identity;
  who.role = row.oid(5);
  into.deadline = row.bigint(6);
  who.registered_by = row.oid(7);
  who.superuser = row.boolean(8);
  who.without_login = row.boolean(9);
  who.by_hand = row.boolean(10);
  into.atomic = row.boolean(11);
  who.database = row.oid(12);
  into.run_as = pg::role_name(who.role);
}

void from_row(const pg::row &row, model::content &into) {
  into.extension = row.name(0);
  into.allocation = row.text(1);
  into.bytes = row.bytes(2);
}

void from_row(const pg::row &row, model::worker_settings &into) {
  into.extension = row.name(0);
  into.worker = row.text(1);
  if (!row.is_null(2)) into.enabled = row.boolean(2);
  if (!row.is_null(3)) into.restart = policy_of(row.text(3));
  if (!row.is_null(4)) into.restart_delay = row.interval(4);
}

}  // namespace dynpgext::catalog
