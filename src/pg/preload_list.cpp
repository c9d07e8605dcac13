#include "pg/preload_list.h"

namespace dynpgext::pg {
namespace {

// Names of settings are case-insensitive in the files.
constexpr const char *newest_entry =
    "SELECT setting FROM pg_catalog.pg_file_settings"
    " WHERE pg_catalog.lower(name) OPERATOR(pg_catalog.=) 'shared_preload_libraries'"
    " ORDER BY seqno DESC LIMIT 1";
constexpr const char *newest_entry_by_hand =
    "SELECT setting FROM pg_catalog.pg_file_settings"
    " WHERE pg_catalog.lower(name) OPERATOR(pg_catalog.=) 'shared_preload_libraries'"
    " AND sourcefile OPERATOR(pg_catalog.!~) '/postgresql[.]auto[.]conf$'"
    " ORDER BY seqno DESC LIMIT 1";

// An entry of the configuration files; the value that the server runs with may be older.
const char *setting_in_files(const char *query) {
  return call([=]() -> const char * {
    const MemoryContext caller = CurrentMemoryContext;
    char *value = nullptr;
    if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
    if (SPI_execute(query, true, 1) != SPI_OK_SELECT)
      elog(ERROR, "could not read pg_file_settings");
    if (SPI_processed == 1) {
      const char *text = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
      if (text != nullptr) value = MemoryContextStrdup(caller, text);
    }
    SPI_finish();
    return value;
  });
}

std::vector<std::string> split(const char *setting) {
  if (setting == nullptr) return {};
  struct list {
    List *names;
    bool ok;
  };
  const list parsed = call([=] {
    List *names = NIL;
    const bool ok = SplitDirectoriesString(pstrdup(setting), ',', &names);
    return list{names, ok};
  });
  if (!parsed.ok)
    throw error(ERRCODE_CONFIG_FILE_ERROR,
                "shared_preload_libraries cannot be changed: its value is not a list",
                "The value in the configuration files is: " + std::string(setting),
                "Correct it there first.");
  std::vector<std::string> result;
  for (int i = 0; i < list_length(parsed.names); ++i) {
    std::string name = static_cast<const char *>(list_nth(parsed.names, i));
    if (!name.empty()) result.push_back(std::move(name));
  }
  return result;
}

}  // namespace

std::vector<std::string> next_preload_libraries() { return split(setting_in_files(newest_entry)); }

void set_next_preload_libraries(const std::vector<std::string> &libraries) {
  // ALTER SYSTEM cannot write an empty list: it quotes the empty name, with which the server
  // does not start.  Taking the entry away does it, unless one in another file comes back.
  if (libraries.empty() && !split(setting_in_files(newest_entry_by_hand)).empty())
    throw error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                "shared_preload_libraries cannot be made empty by ALTER SYSTEM",
                "It is set in a configuration file other than postgresql.auto.conf, too.",
                "Change it in that file; pg_file_settings tells which one it is.");
  std::vector<const char *> names;
  for (const std::string &library : libraries) names.push_back(library.c_str());
  const char *const *first = names.data();
  const size_t count = names.size();
  call([=] {
    auto *set = makeNode(VariableSetStmt);
    set->kind = VAR_SET_VALUE;
    set->name = pstrdup("shared_preload_libraries");
    for (size_t i = 0; i < count; ++i) {
      auto *item = makeNode(A_Const);
      item->val.sval.type = T_String;
      item->val.sval.sval = pstrdup(first[i]);
      item->location = -1;
      set->args = lappend(set->args, item);
    }
    if (count == 0) set->kind = VAR_SET_DEFAULT;
    auto *statement = makeNode(AlterSystemStmt);
    statement->setstmt = set;
    AlterSystemSetConfigFile(statement);
  });
}

}  // namespace dynpgext::pg
