// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {IStemRegistry} from "./IStemRegistry.sol";

/// @title All money of the house, as a ledger.
/// @notice Per work and token: `received` is gross money paid in, cut once by the recording's royalty table; `income` is
/// net money of the work: its own remainder and what was claimed for it from descendants. Income never falls; the
/// collaborators' slots and the title draw from it. Token zero is the chain's native coin. Amounts are base units,
/// shares parts per million. Signed messages: EIP-712 domain {name "RoyaltySplitter", version "1", chainId, contract}.
/// @dev Per token: liabilities = sum of received + sum of fees - sum of withdrawn, exactly, and balance >= liabilities.
/// Per work and token: received = sum of entitlements + dust, 0 <= dust <= number of ancestors.
interface IRoyaltySplitter {
    /// @notice The ledger of one work in one token.
    /// @param ownMoved How much of `received` went to the work's own income.
    /// @param titleDrawn How much of `income` the title's slot drew.
    struct Account {
        uint128 received;
        uint128 ownMoved;
        uint128 income;
        uint128 titleDrawn;
    }

    /// @notice One claim: the share of `ancestor` (an entry of the royalty table) in what `descendant` received.
    /// @param proof Siblings in the royalty table's tree, lowest first.
    struct Claim {
        uint224 descendant;
        uint224 ancestor;
        uint32 ppm;
        bytes32[] proof;
    }

    /// @notice A signed order to withdraw everything that one slot may draw.
    /// @param account The slot's owner, who signs (ECDSA or ERC-1271).
    /// @param works Bit k stands for kind k: bit 0 is the recording, bits 1 to 6 its stems.
    /// @param slot 0 to 15, or TITLE (255).
    /// @param nonce Any number not used before by this account.
    struct Withdrawal {
        address account;
        uint224 recordingId;
        uint8 works;
        address token;
        uint8 slot;
        address to;
        uint256 nonce;
        uint64 deadline;
    }

    event SlotFixed(uint224 indexed recordingId, address indexed account, uint8 slot, uint32 ppm);
    event SlotReassigned(uint224 indexed recordingId, address indexed from, address indexed to, uint8 slot);
    /// @param amount Net of the protocol fee.
    /// @param received The work's total afterwards.
    /// @param paymentReference Whatever the payer wants to be found by; a license's id for a license.
    event Paid(
        uint224 indexed workId,
        address indexed token,
        address indexed payer,
        uint256 amount,
        uint256 received,
        bytes32 paymentReference
    );
    /// @param moved The ancestor's total out of this descendant afterwards.
    /// @param income The ancestor's income afterwards.
    event Claimed(
        uint224 indexed descendant,
        uint224 indexed ancestor,
        address indexed token,
        uint256 amount,
        uint256 moved,
        uint256 income
    );
    event Settled(
        uint224 indexed workId, address indexed token, uint256 amount, uint256 ownMoved, uint256 income
    );
    /// @param drawn The slot's total afterwards.
    event Withdrawn(
        uint224 indexed workId,
        address indexed token,
        address indexed to,
        uint8 slot,
        uint256 amount,
        uint256 drawn
    );
    event NonceUsed(address indexed account, uint256 nonce);
    event FeeCredited(address indexed token, uint224 indexed workId, uint256 amount, uint256 fees);
    event FeesWithdrawn(address indexed token, address indexed to, uint256 amount, uint256 drawn);
    event FeeRecipientChanged(address indexed recipient);
    event TokenAccepted(address indexed token);
    event TokenStopped(address indexed token);
    event ReceiverCreated(uint224 indexed workId, address indexed receiver);

    error UnknownWork(uint256 work);
    error TokenNotAccepted(address token);
    error WrongValue(uint256 given, uint256 expected);
    error ZeroAmount();
    error AmountTooLarge(uint256 amount);
    error BalanceMismatch(address token, uint256 grew, uint256 expected);
    error InvalidProof(uint224 descendant, uint224 ancestor, uint32 ppm);
    error NothingToWithdraw(uint224 recordingId, address token, uint8 slot);
    error UnknownSlot(uint224 recordingId, uint8 slot);
    error NotSlotOwner(uint224 work, uint8 slot, address account, address owner);
    error InvalidSignature(address account, bytes32 digest);
    error NonceAlreadyUsed(address account, uint256 nonce);
    error DeadlinePassed(uint64 deadline, uint256 time);
    error NoPayoutAddress(address account);
    error RecordingFlagged(uint224 recordingId);
    error TransferFailed(address token, address to, uint256 amount);
    error NotRegistry(address caller);
    error NotLicenseManager(address caller);
    error NotFeeRecipient(address caller);
    error NotTimelock(address caller);
    error NotGuardian(address caller);
    error ZeroAddress();
    error NoWorks();

    // ---------------------------------------------------------------- money in

    /// @notice Pays a work, whoever its title belongs to. Native coin: token zero, amount equal to the value sent.
    /// Reverts unless the token is accepted and this contract's balance grows by exactly `amount`.
    function pay(uint224 work, address token, uint256 amount, bytes32 paymentReference) external payable;

    /// @notice Credits what lies at a work's receiving address, creating the receiver if need be. Anyone may call.
    /// @return amount What was credited.
    function sweep(uint224 work, address token) external returns (uint256 amount);

    /// @return The address at which a work receives plain transfers; it exists in code from the first sweep on.
    function receiverOf(uint224 work) external view returns (address);

    /// @notice The license manager takes a license's price from `payer`, who has approved this contract; `fee` of it is
    /// credited to the protocol, the rest to the work. Native: the value comes along.
    function collect(
        address payer,
        uint224 work,
        address token,
        uint256 price,
        uint256 fee,
        bytes32 paymentReference
    ) external payable;

    /// @notice The same with an EIP-3009 authorization by `payer` to this contract, whose nonce the license manager has
    /// bound to the purchase (FiatToken v2.2's form with `bytes signature`, so that ERC-1271 accounts can pay).
    function collectWithAuthorization(
        address payer,
        uint224 work,
        address token,
        uint256 price,
        uint256 fee,
        bytes32 paymentReference,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;

    // ---------------------------------------------------------------- shares

    /// @notice Moves an ancestor's due share of what `descendant` received into the ancestor's income. Anyone may call,
    /// in any order; nothing due is no error.
    function claim(uint224 descendant, uint224 ancestor, uint32 ppm, bytes32[] calldata proof, address token)
        external
        returns (uint256 amount);

    function claimMany(Claim[] calldata claims, address token) external returns (uint256 amount);

    /// @notice Moves a work's own remainder of what it received into its income. Anyone may call.
    function settle(uint224 work, address token) external returns (uint256 amount);

    function settleMany(uint224[] calldata works, address token) external returns (uint256 amount);

    // ---------------------------------------------------------------- money out

    /// @notice Draws all that a slot of `work` may draw. The slot's owner only; for TITLE the rights holder.
    function withdraw(uint224 work, address token, uint8 slot, address to) external returns (uint256 amount);

    /// @notice The same for a recording and its stems at once, see Withdrawal for `works`; the caller must own the slot
    /// of every named work.
    function withdrawMany(uint224 recordingId, uint8 works, address token, uint8 slot, address to)
        external
        returns (uint256 amount);

    /// @notice The same by the owner's signature.
    function withdrawSigned(Withdrawal calldata withdrawal, bytes calldata signature)
        external
        returns (uint256 amount);

    /// @notice The same by anyone, to the payout address that the owner has set (IPNFT.setPayout); never to an owner
    /// that has set none, which may be an escrow.
    function withdrawToPayout(uint224 recordingId, uint8 works, address token, uint8 slot)
        external
        returns (uint256 amount);

    /// @notice Hands a whole slot on, with everything it has not drawn. Its owner only.
    function reassignSlot(uint224 recordingId, uint8 slot, address to) external;

    /// @notice Draws the protocol's fees. The fee recipient only.
    function withdrawFees(address token, address to) external returns (uint256 amount);

    /// @notice Makes a nonce of the caller unusable.
    function cancelNonce(uint256 nonce) external;

    // ---------------------------------------------------------------- rules

    /// @notice The registry fixes a recording's split at registration.
    function fixSplit(uint224 recordingId, IStemRegistry.Share[] calldata split) external;

    /// @notice Admits new payments in a token. The timelock only. Never for a token whose balances shrink by themselves, or
    /// which takes more from a sender than it was told: the loss would be its payees'.
    function acceptToken(address token) external;

    /// @notice Ends new payments in a token, at once. The guardian (or the timelock); nobody's money is touched.
    function stopToken(address token) external;

    /// @notice The timelock only.
    function setFeeRecipient(address recipient) external;

    // ---------------------------------------------------------------- views

    function TITLE() external view returns (uint8);

    function accountOf(uint224 work, address token) external view returns (Account memory);

    /// @return How much of what `descendant` received has been moved to `ancestor`.
    function movedOf(uint224 descendant, uint224 ancestor, address token) external view returns (uint256);

    /// @return How much a slot may draw now out of the income; a flag is not looked at.
    function available(uint224 work, address token, uint8 slot) external view returns (uint256);

    function drawnOf(uint224 work, address token, uint8 slot) external view returns (uint256);

    /// @return owner Zero and 0 ppm for a slot that does not exist.
    function slotOf(uint224 recordingId, uint8 slot) external view returns (address owner, uint32 ppm);

    /// @return The title's share of income: 1 000 000 less all slots.
    function titlePpmOf(uint224 recordingId) external view returns (uint32);

    function liabilitiesOf(address token) external view returns (uint256);

    /// @return The balance beyond liabilities: forced sends, which belong to nobody.
    function surplusOf(address token) external view returns (uint256);

    function feesOf(address token) external view returns (uint256 credited, uint256 drawn);

    function feeRecipient() external view returns (address);

    function isAccepted(address token) external view returns (bool);

    function isNonceUsed(address account, uint256 nonce) external view returns (bool);

    function withdrawalDigest(Withdrawal calldata withdrawal) external view returns (bytes32);
}
