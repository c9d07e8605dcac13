#include "pg/quiet_client.h"

namespace dynpgext::pg {
namespace {

// Returns the level at whose end the old value returns.
int be_quiet() {
  return call([] {
    const int level = NewGUCNestLevel();
    (void)set_config_option("client_min_messages", "error", PGC_USERSET, PGC_S_SESSION,
                            GUC_ACTION_SAVE, true, 0, false);
    return level;
  });
}

}  // namespace

quiet_client::quiet_client() : level_(be_quiet()) {}

quiet_client::~quiet_client() {
  (void)swallow("restoring a setting", [this] { call([this] { AtEOXact_GUC(false, level_); }); });
}

void quiet_client_until_end() { (void)be_quiet(); }

}  // namespace dynpgext::pg
