// SPDX-License-Identifier: Apache-2.0
// Evaluates requirement expressions, left to right, the first satisfied group deciding.
#include "plan/requirement.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/text.h"
#include "base/try.h"

namespace gpuhook::plan {
namespace {

constexpr std::size_t kMaxExpressionBytes = 16384;
constexpr std::string_view kOperatorBytes = "<>=!";

struct Term {
  std::string property;
  std::string_view relation;
  std::string_view value;
};

tl::unexpected<Error> malformed(std::string_view term) {
  return fail(ErrorKind::kBadInput, concat("invalid expression ", in_quotes(term)),
              "mend the image's NVIDIA_REQUIRE_* variable, or set NVIDIA_DISABLE_REQUIRE=true");
}

Result<Term> parse_term(std::string_view text) {
  const std::size_t start = text.find_first_of(kOperatorBytes);
  if (start == 0 || start == std::string_view::npos) return malformed(text);
  const std::size_t end = text.find_first_not_of(kOperatorBytes, start);
  if (end == std::string_view::npos) return malformed(text);
  return Term{.property = lower(text.substr(0, start)),
              .relation = text.substr(start, end - start),
              .value = text.substr(end)};
}

using Version = std::vector<std::uint32_t>;

// Missing components count as zero, so that 11 equals 11.0: trailing zeros are dropped.
std::optional<Version> parse_version(std::string_view text) {
  Version version;
  for (const std::string_view piece : split(text, '.')) {
    const auto component = number<std::uint32_t>(piece);
    if (!component) return std::nullopt;
    version.push_back(*component);
  }
  while (!version.empty() && version.back() == 0) version.pop_back();
  return version;
}

template <class Value>
std::optional<bool> compare(const Value& found, std::string_view relation, const Value& wanted) {
  if (relation == "=") return found == wanted;
  if (relation == "!=") return found != wanted;
  if (relation == "<") return found < wanted;
  if (relation == "<=") return found <= wanted;
  if (relation == ">") return found > wanted;
  if (relation == ">=") return found >= wanted;
  return std::nullopt;
}

// A term about something unknown may be either; as the contract has it, it holds.
enum class Truth : std::uint8_t { kFalse, kUnknown, kTrue };

Truth truth_of(bool value) { return value ? Truth::kTrue : Truth::kFalse; }

Result<Truth> evaluate_brand(std::string_view text, const Term& term, const std::string& brand) {
  if (term.relation != "=" && term.relation != "!=") return malformed(text);
  if (brand.empty()) return Truth::kUnknown;
  return truth_of(equal_ignoring_case(brand, term.value) == (term.relation == "="));
}

Result<Truth> evaluate(std::string_view text, const KnownFacts& facts) {
  const Term term = TRY(parse_term(text));
  if (term.property == "brand") return evaluate_brand(text, term, facts.brand);
  const std::string* const fact = term.property == "cuda"     ? &facts.cuda
                                  : term.property == "driver" ? &facts.driver
                                  : term.property == "arch"   ? &facts.arch
                                                              : nullptr;
  const std::optional<Version> wanted = parse_version(term.value);
  if (fact == nullptr || !wanted) return malformed(text);
  const std::optional<Version> found = parse_version(*fact);
  const std::optional<bool> result = compare(found.value_or(*wanted), term.relation, *wanted);
  if (!result) return malformed(text);
  if (fact->empty() || !found) return Truth::kUnknown;
  return truth_of(*result);
}

// All terms are looked at, so that a malformed one is told even behind a false one.
Result<Truth> evaluate_group(std::string_view group, const KnownFacts& facts) {
  Truth all = Truth::kTrue;
  for (const std::string_view term : split(group, ',')) {
    if (!term.empty()) all = std::min(all, TRY(evaluate(term, facts)));
  }
  return all;
}

std::string known(std::string_view name, const std::string& value) {
  return value.empty() ? std::string() : concat(" ", name, " ", value);
}

tl::unexpected<Error> unmet(std::string_view expression, const KnownFacts& facts) {
  const std::string found = concat(known("cuda", facts.cuda), known("driver", facts.driver),
                                   known("arch", facts.arch), known("brand", facts.brand));
  return fail(ErrorKind::kUnmetRequirement,
              concat("unsatisfied condition: needed ", in_quotes(expression), ", found",
                     found.empty() ? " nothing" : found),
              "update the driver, use an older image, or set NVIDIA_DISABLE_REQUIRE=true to start "
              "all the same");
}

}  // namespace

Status check_requirement(std::string_view expression, const KnownFacts& facts) {
  if (expression.size() > kMaxExpressionBytes) return malformed(expression);
  bool any_group = false;
  for (const std::string_view group : words(expression)) {
    any_group = true;
    if (TRY(evaluate_group(group, facts)) != Truth::kFalse) return {};
  }
  if (any_group) return unmet(expression, facts);
  return {};
}

bool hangs_on_unknown(std::string_view expression, const KnownFacts& facts) {
  bool unknown = false;
  for (const std::string_view group : words(expression)) {
    const Result<Truth> truth = evaluate_group(group, facts);
    if (!truth || *truth == Truth::kTrue) return false;
    unknown = unknown || *truth == Truth::kUnknown;
  }
  return unknown;
}

}  // namespace gpuhook::plan
