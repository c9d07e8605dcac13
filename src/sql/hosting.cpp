// Hosting: can_host.
#include "hosting/library_file.h"
#include "sql/function.h"

using namespace dynpgext;

DYNPGEXT_SQL_FUNCTION(dynpgext_can_host) {
  return pg::entry([=] {
    const hosting::library_file file = hosting::read_library(sql::text_argument(fcinfo, 0));
    sql::result_set rows(fcinfo);
    for (const model::host_finding &f : hosting::findings_of(file))
      rows.text(f.need).text(f.detail).text(model::name_of(f.verdict)).end_row();
    return Datum{0};
  });
}
