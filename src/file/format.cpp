#include "file/format.hpp"

#include "absl/strings/str_cat.h"

namespace waypost::file {

std::string SectionName(SectionType type) {
  switch (type) {
    case SectionType::kMetadata:
      return "metadata";
    case SectionType::kUserBytes:
      return "user id bytes";
    case SectionType::kUserOffsets:
      return "user id offsets";
    case SectionType::kUserSlots:
      return "user id slots";
    case SectionType::kItemBytes:
      return "item id bytes";
    case SectionType::kItemOffsets:
      return "item id offsets";
    case SectionType::kItemSlots:
      return "item id slots";
    case SectionType::kTitleBytes:
      return "title bytes";
    case SectionType::kTitleOffsets:
      return "title offsets";
    case SectionType::kHistoryOffsets:
      return "history offsets";
    case SectionType::kHistoryColumns:
      return "history columns";
    case SectionType::kHistoryValues:
      return "history values";
    case SectionType::kPopularityScores:
      return "popularity scores";
    case SectionType::kSparseItemOffsets:
      return "item weight offsets";
    case SectionType::kSparseItemColumns:
      return "item weight columns";
    case SectionType::kSparseItemValues:
      return "item weight values";
    case SectionType::kIalsUserFactors:
      return "ials user factors";
    case SectionType::kIalsItemFactors:
      return "ials item factors";
    case SectionType::kIalsEigenvalues:
      return "ials eigenvalues";
    case SectionType::kIalsItemOrder:
      return "ials item order";
    case SectionType::kIalsItemNorms:
      return "ials item norms";
    case SectionType::kIalsItemGroups:
      return "ials item groups";
    case SectionType::kIalsItemPanels:
      return "ials item panels";
    case SectionType::kIalsItemHead:
      return "ials item head";
    case SectionType::kIalsFeatureBytes:
      return "ials feature bytes";
    case SectionType::kIalsFeatureOffsets:
      return "ials feature offsets";
    case SectionType::kIalsFeatureSlots:
      return "ials feature slots";
    case SectionType::kIalsFeatureWeights:
      return "ials feature vectors";
    case SectionType::kEaseWeights:
      return "ease weights";
    case SectionType::kGraphUserOffsets:
      return "graph user offsets";
    case SectionType::kGraphUserItems:
      return "graph user items";
    case SectionType::kGraphUserValues:
      return "graph user values";
    case SectionType::kGraphItemOffsets:
      return "graph item offsets";
    case SectionType::kGraphItemUsers:
      return "graph item users";
    case SectionType::kGraphItemValues:
      return "graph item values";
    case SectionType::kGraphUserScale:
      return "graph user scale";
    case SectionType::kGraphItemScale:
      return "graph item scale";
    case SectionType::kGraphLowPass:
      return "graph low-pass vectors";
    case SectionType::kPairwiseUserFactors:
      return "pairwise user factors";
    case SectionType::kPairwiseItemFactors:
      return "pairwise item factors";
    case SectionType::kPairwiseMeanStrength:
      return "pairwise mean strength";
    case SectionType::kLogisticUserFactors:
      return "logistic user factors";
    case SectionType::kLogisticItemFactors:
      return "logistic item factors";
    case SectionType::kLogisticBackgroundRows:
      return "logistic background rows";
    case SectionType::kLogisticBackgroundWeights:
      return "logistic background weights";
    case SectionType::kExplicitUserFactors:
      return "explicit als user factors";
    case SectionType::kExplicitItemFactors:
      return "explicit als item factors";
    case SectionType::kExplicitItemCovariances:
      return "explicit als item covariances";
    case SectionType::kExplicitItemImplicit:
      return "explicit als implicit vectors";
    case SectionType::kExplicitPrior:
      return "explicit als prior";
    case SectionType::kCheckpointLoss:
      return "loss";
    case SectionType::kCheckpointValidation:
      return "validation";
  }
  return absl::StrCat("unknown ", static_cast<std::uint32_t>(type));
}

std::string SectionName(SectionType type, std::uint32_t model) {
  if (model == 0) return absl::StrCat("section ", SectionName(type));
  return absl::StrCat("section ", SectionName(type), " of model ", model);
}

}  // namespace waypost::file
