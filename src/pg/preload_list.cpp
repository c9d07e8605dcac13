#include "pg/preload_list.h"

#include <sys/stat.h>

#include <cstdio>

namespace dynpgext::pg {
namespace {

// ---- the server's settings ------------------------------------------------------------------

// Names of settings are case-insensitive in the files.
std::string entries_in_files(const char *setting) {
  return std::string("SELECT sourcefile, setting FROM pg_catalog.pg_file_settings"
                     " WHERE pg_catalog.lower(name) OPERATOR(pg_catalog.=) '") +
         setting + "' ORDER BY seqno";
}
// Patroni gives all of these to every server that it starts.
constexpr const char *settings_of_patroni =
    "SELECT 'x', 'x' FROM pg_catalog.pg_settings"
    " WHERE source OPERATOR(pg_catalog.=) 'command line' AND name OPERATOR(pg_catalog.=)"
    " ANY ('{cluster_name,max_connections,max_worker_processes,wal_level,hot_standby}')";
constexpr size_t count_of_patroni = 5;
std::string on_command_line(const char *setting) {
  return std::string(
             "SELECT '', setting FROM pg_catalog.pg_settings WHERE name OPERATOR(pg_catalog.=) '") +
         setting + "' AND source OPERATOR(pg_catalog.=) 'command line'";
}

struct file_entry {
  std::string file;
  std::string value;
};

std::vector<file_entry> read_entries(const std::string &text) {
  const char *query = text.c_str();
  struct list {
    const char **texts;
    uint64 count;
  };
  const list found = call([=] {
    const MemoryContext caller = CurrentMemoryContext;
    list rows{nullptr, 0};
    if (SPI_connect() != SPI_OK_CONNECT) elog(ERROR, "SPI_connect failed");
    if (SPI_execute(query, true, 0) != SPI_OK_SELECT) elog(ERROR, "could not read settings");
    rows.count = SPI_processed;
    rows.texts = static_cast<const char **>(
        MemoryContextAllocZero(caller, sizeof(char *) * (2 * rows.count + 1)));
    for (uint64 i = 0; i < 2 * rows.count; ++i) {
      const char *value = SPI_getvalue(SPI_tuptable->vals[i / 2], SPI_tuptable->tupdesc,
                                       static_cast<int>(i % 2) + 1);
      rows.texts[i] = MemoryContextStrdup(caller, value == nullptr ? "" : value);
    }
    SPI_finish();
    return rows;
  });
  std::vector<file_entry> entries;
  for (uint64 i = 0; i < found.count; ++i)
    entries.push_back({found.texts[2 * i], found.texts[2 * i + 1]});
  return entries;
}

bool is_auto(const file_entry &e) {
  return e.file == std::string(DataDir) + "/postgresql.auto.conf";
}
bool is_main(const file_entry &e) { return ConfigFileName != nullptr && e.file == ConfigFileName; }

std::vector<std::string> split(const char *name, const std::string &setting) {
  struct list {
    List *names;
    bool ok;
  };
  const char *text = setting.c_str();
  const list parsed = call([=] {
    List *names = NIL;
    const bool ok = SplitDirectoriesString(pstrdup(text), ',', &names);
    return list{names, ok};
  });
  if (!parsed.ok)
    throw error(ERRCODE_CONFIG_FILE_ERROR,
                std::string(name) + " cannot be changed: its value is not a list",
                "The value in the configuration files is: " + setting, "Correct it there first.");
  std::vector<std::string> result;
  for (int i = 0; i < list_length(parsed.names); ++i) {
    std::string library = static_cast<const char *>(list_nth(parsed.names, i));
    if (!library.empty()) result.push_back(std::move(library));
  }
  return result;
}

bool needs_restart(const char *setting) {
  return std::strcmp(setting, shared_preload_libraries) == 0;
}
const char *then(const char *setting) {
  return needs_restart(setting) ? ", and restart the server." : ".";
}

// ---- tools that write it ------------------------------------------------------------------------

[[noreturn]] void refuse(const char *setting, const std::string &why, const std::string &detail,
                         const std::string &hint) {
  throw error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
              std::string(setting) + " cannot be changed by ALTER SYSTEM: " + why, detail, hint);
}

// Patroni's note is in the first lines.
bool is_written_by_patroni(const char *path) {
  char text[512] = {};
  std::FILE *file = path == nullptr ? nullptr : std::fopen(path, "r");
  if (file == nullptr) return false;
  const size_t length = std::fread(text, 1, sizeof text - 1, file);
  (void)std::fclose(file);
  const std::string_view head(text, length);
  return head.starts_with('#') && head.find("overwritten by Patroni") != std::string_view::npos;
}

bool exists(const std::string &path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0;
}

// Evidence that Patroni manages this server; empty: none.
std::string mark_of_patroni() {
  if (is_written_by_patroni(ConfigFileName))
    return "The file \"" + std::string(ConfigFileName) + "\" was written by Patroni.";
  const std::string file = std::string(DataDir) + "/patroni.dynamic.json";
  if (exists(file)) return "There is a file \"" + file + "\".";
  if (read_entries(settings_of_patroni).size() == count_of_patroni)
    return "The server's command line has the settings of Patroni.";
  return {};
}

// An entry of ALTER SYSTEM would have no effect, or hide later changes of a tool.
void refuse_if_managed(const char *setting, const std::vector<file_entry> &entries) {
  if (!read_entries(on_command_line(setting)).empty())
    refuse(setting, "it is set on the server's command line",
           "It overrides all configuration files.",
           "Change it where the server is started, and restart the server.");
  const std::string mark = mark_of_patroni();
  if (!mark.empty())
    refuse(setting, "Patroni manages this server", mark,
           std::string("Change ") + setting +
               " under postgresql.parameters with \"patronictl edit-config\"" +
               (needs_restart(setting) ? ", and restart all members with \"patronictl restart\"."
                                       : "."));
  const char *allowed = call([] { return GetConfigOption("allow_alter_system", true, false); });
  if (allowed != nullptr && std::strcmp(allowed, "off") == 0)
    refuse(setting, "allow_alter_system is off", {},
           std::string("Change it with the tool that manages this server") + then(setting));
  if (entries.empty() || is_auto(entries.back()) || is_main(entries.back())) return;
  refuse(setting, "it is set in the file \"" + entries.back().file + "\"",
         "An entry in postgresql.auto.conf would hide that one, and later changes of it.",
         std::string("Change it in that file, or with the tool that writes the file") +
             then(setting));
}

// Without names: RESET.
void alter_system(const char *setting, const std::vector<std::string> &libraries) {
  std::vector<const char *> names;
  names.reserve(libraries.size());
  for (const std::string &library : libraries) names.push_back(library.c_str());
  const char *const *first = names.data();
  const size_t count = names.size();
  call([=] {
    auto *set = makeNode(VariableSetStmt);
    set->kind = count == 0 ? VAR_RESET : VAR_SET_VALUE;
    set->name = pstrdup(setting);
    for (size_t i = 0; i < count; ++i) {
      auto *item = makeNode(A_Const);
      item->val.sval.type = T_String;
      item->val.sval.sval = pstrdup(first[i]);
      item->location = -1;
      set->args = lappend(set->args, item);
    }
    auto *statement = makeNode(AlterSystemStmt);
    statement->setstmt = set;
    AlterSystemSetConfigFile(statement);
  });
}

}  // namespace

std::vector<std::string> next_libraries(const char *setting) {
  std::vector<file_entry> entries = read_entries(on_command_line(setting));
  if (entries.empty()) entries = read_entries(entries_in_files(setting));
  return entries.empty() ? std::vector<std::string>() : split(setting, entries.back().value);
}

void set_next_libraries(const char *setting, const std::vector<std::string> &libraries) {
  const std::vector<file_entry> entries = read_entries(entries_in_files(setting));
  const auto by_hand = std::find_if(entries.rbegin(), entries.rend(),
                                    [](const file_entry &e) { return !is_auto(e); });
  const auto others =
      by_hand == entries.rend() ? std::vector<std::string>() : split(setting, by_hand->value);
  // The value in the other files: an entry of ours would hide later changes there.
  const bool has_auto = !entries.empty() && is_auto(entries.back());
  if (libraries == others && has_auto && read_entries(on_command_line(setting)).empty())
    return alter_system(setting, {});
  refuse_if_managed(setting, entries);
  // ALTER SYSTEM cannot write an empty list: it quotes the empty name, with which the server does
  // not start.
  if (libraries.empty())
    throw error(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                std::string(setting) + " cannot be made empty by ALTER SYSTEM",
                "It is also set in a configuration file other than postgresql.auto.conf.",
                "Change it in that file; pg_file_settings has its name.");
  alter_system(setting, libraries);
  if (has_auto && libraries != others && by_hand != entries.rend())
    log(NOTICE, std::string(setting) + " in the file \"" + by_hand->file +
                    "\" is hidden by the one in postgresql.auto.conf, as before");
}

}  // namespace dynpgext::pg
