/**
 * Two sequence numbers never meet a bare `<`, `<=`, `>` or `>=` (RFC 9293 §3.4: they wrap), nor `Math.min` or `Math.max`.
 * Reports an operand whose type carries the brand of `Seq`; `src/base/seq.ts`, which defines the comparisons, is exempt.
 */

const BRAND_PROPERTY = "__brand";
const BRAND = "Seq";
const RELATIONAL = new Set(["<", "<=", ">", ">="]);

/** Whether `type`, or a member of its union or intersection, is the branded number. */
function isSeq(type, checker) {
  if (type.isUnion()) return type.types.some((member) => isSeq(member, checker));
  const brand = type.getProperty(BRAND_PROPERTY);
  if (brand === undefined) return false;
  const brandType = checker.getTypeOfSymbol(brand);
  return brandType.isStringLiteral() && brandType.value === BRAND;
}

const isMathExtreme = (callee) =>
  callee.type === "MemberExpression" &&
  callee.object.type === "Identifier" &&
  callee.object.name === "Math" &&
  callee.property.type === "Identifier" &&
  (callee.property.name === "min" || callee.property.name === "max");

export const noSeqComparison = {
  meta: {
    type: "problem",
    schema: [],
    messages: {
      bare: "Sequence numbers wrap: compare them by seqLt, seqLe, seqGt, seqGe, seqInWindow, seqMin, seqMax.",
    },
  },
  create(context) {
    const services = context.sourceCode.parserServices;
    const checker = services.program.getTypeChecker();
    const report = (node, operands) => {
      if (operands.some((operand) => isSeq(services.getTypeAtLocation(operand), checker))) {
        context.report({ node, messageId: "bare" });
      }
    };
    return {
      BinaryExpression(node) {
        if (RELATIONAL.has(node.operator)) report(node, [node.left, node.right]);
      },
      CallExpression(node) {
        if (isMathExtreme(node.callee)) report(node, node.arguments);
      },
    };
  },
};
