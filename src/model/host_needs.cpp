#include "model/host_needs.h"

#include <algorithm>
#include <map>

namespace dynpgext::model {
namespace {

constexpr const char *whole = "library";

// Symbols that share a need, a verdict and a reason are one finding.
struct group {
  host_need need;
  host_verdict verdict;
  std::string_view reason;
  auto operator<=>(const group &) const = default;
};

using groups = std::map<group, std::vector<std::string_view>>;

void add(groups &all, const group &g, std::string_view symbol) { all[g].push_back(symbol); }

// A redirected symbol with a kind of reference that cannot be redirected.
bool has_other_reference(const elf::image &library, std::uint32_t import) {
  return std::any_of(library.relocations.begin(), library.relocations.end(),
                     [import](const elf::relocation &r) {
                       return r.import == import && r.kind == elf::relocation_kind::other;
                     });
}

void judge(groups &all, const elf::image &library, std::uint32_t import) {
  const std::string_view symbol = library.imports[import];
  const host_symbol *known = find_host_symbol(symbol);
  if (known == nullptr) {
    if (is_hook(symbol)) return add(all, {host_need::hooks, host_verdict::hosted, {}}, symbol);
    if (concerns_start(symbol))
      add(all,
          {host_need::unknown, host_verdict::refused,
           "dynpgext does not know what it does to shared memory, or at the start of the server."},
          symbol);
    return;
  }
  const bool is_redirected =
      known->what == treatment::function || known->what == treatment::variable;
  if (is_redirected && has_other_reference(library, import))
    return add(all,
               {known->need, host_verdict::refused,
                "The library refers to it in a way that cannot be redirected."},
               symbol);
  switch (known->what) {
    case treatment::function:
    case treatment::variable:
    case treatment::as_it_is: return add(all, {known->need, host_verdict::hosted, {}}, symbol);
    case treatment::limited:
      return add(all, {known->need, host_verdict::limited, known->note}, symbol);
    case treatment::forbidden:
      return add(all, {known->need, host_verdict::refused, known->note}, symbol);
  }
}

std::string listed(const std::vector<std::string_view> &symbols) {
  std::string text;
  for (const std::string_view symbol : symbols) {
    if (!text.empty()) text += ", ";
    text += symbol;
  }
  return text;
}

host_finding unfit(std::string why) { return {whole, std::move(why), host_verdict::refused}; }

}  // namespace

const char *name_of(host_verdict v) {
  switch (v) {
    case host_verdict::hosted: return "hosted";
    case host_verdict::limited: return "limited";
    case host_verdict::refused: return "refused";
  }
  return "";
}

std::vector<host_finding> host_needs(const elf::read_result &library,
                                     std::optional<elf::machine> server) {
  if (!library.image) return {unfit("It cannot be read as a library: " + library.fault + ".")};
  const elf::image &image = *library.image;
  if (!server) return {unfit("No library can be hosted on a machine of this kind.")};
  if (image.machine != *server)
    return {unfit(std::string("It is for ") + elf::name_of(image.machine) +
                  ", and the server for " + elf::name_of(*server) + ".")};
  if (!image.defines("Pg_magic_func"))
    return {unfit("It is not a library for PostgreSQL: it has no Pg_magic_func.")};
  if (image.defines("_Dynpgext_magic"))
    return {unfit("It takes part in dynpgext by itself: CREATE EXTENSION is all it needs.")};
  if (image.defines("dynpgext_launcher_main")) return {unfit("It is dynpgext itself.")};
  if (!image.defines("_PG_init"))
    return {unfit("It has no _PG_init, so there is nothing to host.")};

  std::vector<host_finding> findings{{whole, elf::name_of(image.machine), host_verdict::hosted}};
  for (host_finding &f : references_of(image)) {
    findings.front().verdict = std::max(findings.front().verdict, f.verdict);
    findings.push_back(std::move(f));
  }
  return findings;
}

std::vector<host_finding> references_of(const elf::image &library) {
  groups all;
  for (std::uint32_t i = 0; i < library.imports.size(); ++i) judge(all, library, i);
  std::vector<host_finding> findings;
  for (auto &[g, symbols] : all) {
    std::sort(symbols.begin(), symbols.end());
    symbols.erase(std::unique(symbols.begin(), symbols.end()), symbols.end());
    std::string detail = listed(symbols);
    if (!g.reason.empty()) detail.append(". ").append(g.reason);
    findings.push_back({name_of(g.need), std::move(detail), g.verdict});
  }
  return findings;
}

std::string refusal_of(const std::vector<host_finding> &findings) {
  std::string text;
  for (const host_finding &f : findings) {
    if (f.verdict != host_verdict::refused) continue;
    // the whole is refused for a reason below, or for one of its own
    if (f.need == whole && findings.size() > 1) continue;
    if (!text.empty()) text += ' ';
    text += f.need == whole ? f.detail : "It needs: " + f.need + ": " + f.detail;
  }
  return text;
}

}  // namespace dynpgext::model
