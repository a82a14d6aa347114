import { userMessage } from 'gatepass/user-messages';
import { useSession } from 'gatepass/react';
import { MarketWatch } from './MarketWatch';
import { SignIn } from './SignIn';

export function App() {
  const { state, isLoading, isSignedIn, error } = useSession();
  return (
    <main className="app">
      {!isSignedIn && !isLoading && <SignIn reason={error && userMessage(error)} />}
      {/* It stays while a session that has ended is renewed by hand, so that orders wait for their user. With it, its socket comes and goes. */}
      {(isSignedIn || state === 'expired') && <MarketWatch />}
    </main>
  );
}
