// dynpgext.allowed_extensions: the first matching rule decides.
#include "model/allowed.h"

#include <gtest/gtest.h>

#include <string>

namespace dynpgext::model {
namespace {

TEST(allowed, a_star_allows_every_extension) {
  EXPECT_TRUE(is_allowed("*", "any"));
  EXPECT_TRUE(is_allowed("  * ", ""));
  EXPECT_TRUE(is_allowed("one, *", "any"));
}

TEST(allowed, what_nothing_fits_is_refused) {
  EXPECT_FALSE(is_allowed("", "any"));
  EXPECT_FALSE(is_allowed("   ", "any"));
  EXPECT_FALSE(is_allowed("one,two", "three"));
  EXPECT_FALSE(is_allowed("one", "One"));
  EXPECT_FALSE(is_allowed("one", "on"));
  EXPECT_FALSE(is_allowed("one", "ones"));
}

TEST(allowed, names_are_separated_by_commas_and_spaces_do_not_count) {
  for (const char *const name : {"one", "two-2", "three"})
    EXPECT_TRUE(is_allowed(" one ,two-2\t,\n three ", name)) << name;
}

TEST(allowed, the_first_rule_that_fits_decides) {
  EXPECT_FALSE(is_allowed("!bad, *", "bad"));
  EXPECT_TRUE(is_allowed("!bad, *", "good"));
  EXPECT_TRUE(is_allowed("*, !bad", "bad"));
  EXPECT_TRUE(is_allowed("good, !*", "good"));
  EXPECT_FALSE(is_allowed("good, !*, *", "bad"));
  EXPECT_FALSE(is_allowed("! bad,*", "bad"));
}

TEST(allowed, a_quoted_name_is_taken_as_it_is) {
  EXPECT_TRUE(is_allowed("\"with, comma\"", "with, comma"));
  EXPECT_TRUE(is_allowed("\"a \"\"quote\"\"\"", "a \"quote\""));
  EXPECT_TRUE(is_allowed("\"*\"", "*"));
  EXPECT_FALSE(is_allowed("\"*\"", "any"));
  EXPECT_FALSE(is_allowed("!\"!odd\", *", "!odd"));
}

TEST(allowed, what_is_no_list_is_found_and_allows_nothing) {
  for (const char *const text : {",", "one,", ",one", "one,,two", "one two", "\"open", "!", "\"\"",
                                 "one\"two\"", "\"one\"two", "!!one x", "*x y"}) {
    EXPECT_FALSE(is_allowed_list(text)) << text;
    EXPECT_FALSE(is_allowed(text, "one")) << text;
  }
  for (const char *const text : {"", " ", "*", "one", "!one", "one,\"t,wo\" , !three,*"})
    EXPECT_TRUE(is_allowed_list(text)) << text;
}

}  // namespace
}  // namespace dynpgext::model
