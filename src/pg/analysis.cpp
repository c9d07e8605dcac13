#include "pg/analysis.h"

extern "C" {
#include "parser/analyze.h"
}

namespace dynpgext::pg {
namespace {

constinit post_parse_analyze_hook_type previous = nullptr;
using seen_function = void (*)(const Node *);
constinit seen_function seen_by = nullptr;

// The extended protocol, and the preparation of statements with parameters, set this hook.
bool is_run_at_once(const ParseState *parse) {
  return parse->p_paramref_hook == nullptr && ActivePortal == nullptr;
}

void on_analysis(ParseState *parse, Query *query, versions::jumble_state *jumble) {
  if (query->commandType == CMD_UTILITY && is_run_at_once(parse)) seen_by(query->utilityStmt);
  if (previous != nullptr) previous(parse, query, jumble);
}

}  // namespace

void watch_utility_analysis(void (*seen)(const Node *statement)) {
  seen_by = seen;
  previous = post_parse_analyze_hook;
  post_parse_analyze_hook = on_analysis;
}

}  // namespace dynpgext::pg
