#include "pg/database_owners.h"

#include <charconv>

#include "pg/database_mark.h"
#include "pg/database_setting.h"
#include "pg/relation.h"
#include "pg/role.h"
#include "pg/transaction.h"

namespace dynpgext::pg {
namespace {

// "CLUSTER: OID OID ~OID ...": ~ marks an owner of the template.
constexpr const char *owners_name = "dynpgext_database.owners";
constexpr char template_sign = '~';

std::string prefix() { return std::to_string(GetSystemIdentifier()) + ":"; }

std::vector<noted_owner> parse(std::string_view text) {
  std::vector<noted_owner> owners;
  bool of_template = false;
  const char *at = text.data();
  const char *const end = at + text.size();
  while (at < end) {
    Oid role = InvalidOid;
    const auto [rest, fault] = std::from_chars(at, end, role);
    if (fault == std::errc{}) {
      owners.push_back({role, of_template});
      of_template = false;
      at = rest;
    } else {
      of_template = *at++ == template_sign;
    }
  }
  return owners;
}

std::vector<noted_owner> noted(Oid database) {
  const std::string text =
      database_setting(owners_name, BOOTSTRAP_SUPERUSERID, database).value_or(std::string());
  const std::string own = prefix();
  if (text.compare(0, own.size(), own) != 0) return {};
  return parse(std::string_view(text).substr(own.size()));
}

// Is it already recorded, with at least the same meaning?
bool is_among(const std::vector<noted_owner> &owners, const noted_owner &owner) {
  return std::any_of(owners.begin(), owners.end(), [&owner](const noted_owner &o) {
    return o.role == owner.role && (owner.of_template || !o.of_template);
  });
}

bool are_among(const std::vector<noted_owner> &known, const std::vector<noted_owner> &owners) {
  return std::all_of(owners.begin(), owners.end(),
                     [&known](const noted_owner &o) { return is_among(known, o); });
}

void add(Oid database, const std::vector<noted_owner> &owners) {
  if (are_among(noted(database), owners)) return;
  (void)lock_kept_for_database(database, true);
  std::vector<noted_owner> all = noted(database);
  for (const noted_owner &o : owners) {
    if (!OidIsValid(o.role) || is_among(all, o)) continue;
    std::erase_if(all, [&o](const noted_owner &known) { return known.role == o.role; });
    all.push_back(o);
  }
  std::string text = prefix();
  for (const noted_owner &o : all) {
    text += ' ';
    if (o.of_template) text += template_sign;
    text += std::to_string(o.role);
  }
  keep_for_database(database, owners_name, text.c_str());
}

bool has_mark(Oid database) {
  return database_setting(database_mark_name, BOOTSTRAP_SUPERUSERID, database).has_value();
}

// Are its owners relevant?  A copy that has not been visited yet has no mark.
bool is_noted(Oid database) { return has_mark(database) || !noted(database).empty(); }

}  // namespace

std::vector<noted_owner> database_owners() {
  std::vector<noted_owner> owners = noted(MyDatabaseId);
  const noted_owner now{database_owner(), false};
  if (!is_among(owners, now)) owners.push_back(now);
  return owners;
}

std::string text_of(std::span<const noted_owner> owners) {
  std::string text;
  for (const noted_owner &o : owners) text.append(" ").append(std::to_string(o.role));
  return text;
}

std::vector<Oid> owners_in(std::string_view text) {
  std::vector<Oid> roles;
  for (const noted_owner &o : parse(text)) roles.push_back(o.role);
  return roles;
}

void note_database_owner() { note_database_owners(MyDatabaseId, {database_owner()}); }

bool is_database_owner_noted() {
  return RecoveryInProgress() || !has_mark(MyDatabaseId) ||
         is_among(noted(MyDatabaseId), {database_owner(), false});
}

void note_database_owners(Oid database, const std::vector<Oid> &owners) {
  if (RecoveryInProgress() || !is_noted(database)) return;
  std::vector<noted_owner> all;
  all.reserve(owners.size());
  for (const Oid owner : owners) all.push_back({owner, false});
  add(database, all);
}

void note_owners_of_copy(Oid from, Oid to) {
  if (RecoveryInProgress() || !is_noted(from)) return;
  std::vector<noted_owner> owners = noted(from);
  owners.push_back({database_owner(from), true});
  for (noted_owner &o : owners) o.of_template = true;
  owners.push_back({database_owner(to), false});
  add(to, owners);
}

void note_owners_of_unseen_copy(const std::vector<std::string> &marks) {
  const std::vector<noted_owner> known = noted(MyDatabaseId);
  if (RecoveryInProgress() ||
      std::any_of(known.begin(), known.end(), [](const noted_owner &o) { return o.of_template; }))
    return;
  std::vector<std::pair<Oid, Oid>> templates;  // and their owners
  {
    const relation databases(DatabaseRelationId, AccessShareLock);
    for (const row &r : databases.rows()) {
      const Oid database = r.oid(Anum_pg_database_oid - 1);
      if (database == MyDatabaseId || database == Template0DbOid) continue;
      const auto mark = database_setting(database_mark_name, BOOTSTRAP_SUPERUSERID, database);
      const bool is_source = mark && std::find(marks.begin(), marks.end(), *mark) != marks.end();
      if (is_source || !r.boolean(Anum_pg_database_datallowconn - 1))
        templates.emplace_back(database, r.oid(Anum_pg_database_datdba - 1));
    }
  }
  std::vector<noted_owner> owners;
  for (const auto &[database, owner] : templates) {
    for (const noted_owner &o : noted(database)) owners.push_back({o.role, true});
    owners.push_back({owner, true});
  }
  if (!owners.empty()) add(MyDatabaseId, owners);
}

void drop_database_owners() { drop_kept_for_database(owners_name); }

}  // namespace dynpgext::pg
